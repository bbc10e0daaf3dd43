printf '[Service]\nWatchdogSec=3\n' > /etc/systemd/system/silian@street.service.d/soon.conf
systemctl daemon-reload
systemctl restart silian@street
pid=$(systemctl show silian@street -p MainPID --value)
kill -STOP "$pid"
for _ in $(seq 300); do
    now=$(systemctl show silian@street -p NRestarts --value)
    test "$now" = 1 && systemctl is-active --quiet silian@street && break
    sleep 0.2
done
test "$(systemctl show silian@street -p MainPID --value)" != "$pid"
systemctl is-active silian@street
rm -r /etc/systemd/system/silian@street.service.d
systemctl daemon-reload
