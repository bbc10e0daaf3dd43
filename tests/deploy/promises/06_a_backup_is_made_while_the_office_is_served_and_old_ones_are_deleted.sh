sed -i 's/^SILIAN_BACKUPS_KEPT=.*/SILIAN_BACKUPS_KEPT=2/' /etc/default/silian
systemctl enable --now silian-backup@street.timer
for _ in 1 2 3; do systemctl start silian-backup@street; sleep 1.1; done
test "$(ls /var/backups/silian/street | wc -l)" = 2
test -z "$(find /var/backups/silian/street -type f -perm /077)"
systemctl list-timers --all | grep silian-backup@street.timer > /dev/null
