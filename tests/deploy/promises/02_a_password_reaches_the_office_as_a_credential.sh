printf secret > /etc/silian/street.password
chmod 0600 /etc/silian/street.password
mkdir -p /etc/systemd/system/silian@street.service.d
cp /usr/share/doc/silian/examples/postgresql.conf /etc/systemd/system/silian@street.service.d/
systemctl daemon-reload
systemctl restart silian@street
pid=$(systemctl show silian@street -p MainPID --value)
path=/run/credentials/silian@street.service/store_password
tr '\0' '\n' < /proc/$pid/environ | grep -qx "SILIAN_STORE_PASSWORD_FILE=$path"
test "$(cat /proc/$pid/root$path)" = secret
rm /etc/systemd/system/silian@street.service.d/postgresql.conf
systemctl daemon-reload
