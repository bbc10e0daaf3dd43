before=$(systemctl show silian@street -p MainPID --value)
dpkg -i /mnt/silian.deb
systemctl is-active silian@street silian-backup@street.timer
test "$(systemctl show silian@street -p MainPID --value)" != "$before"
grep -qx SILIAN_BACKUPS_KEPT=2 /etc/default/silian
