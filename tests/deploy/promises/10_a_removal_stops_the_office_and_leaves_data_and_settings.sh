dpkg --remove silian
! systemctl is-active silian@street
test ! -e /usr/bin/silian
test -f /var/lib/silian/street/office.db
grep -qx SILIAN_BACKUPS_KEPT=2 /etc/default/silian
