runuser -u silian -- silian init --dir /var/lib/silian/wrong --unit 万家花园社区
echo 'colour = "red"' >> /var/lib/silian/wrong/office.toml
! systemctl start silian@wrong
systemctl is-failed silian@wrong
test "$(systemctl show silian@wrong -p NRestarts --value)" = 0
rm -r /var/lib/silian/wrong
systemctl reset-failed silian@wrong
