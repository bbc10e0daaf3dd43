dpkg --purge silian
test ! -e /etc/default/silian
test ! -e /etc/systemd/system/multi-user.target.wants/silian@street.service
test -f /var/lib/silian/street/office.db
test "$(stat -c %U /var/lib/silian/street)" = silian
dpkg -i /mnt/silian.deb
runuser -u silian -- silian db check --dir /var/lib/silian/street
SILIAN_PURGE_DATA=yes dpkg --purge silian
test ! -e /var/lib/silian && test ! -e /var/backups/silian
! getent passwd silian
test ! -e /usr/lib/silian
