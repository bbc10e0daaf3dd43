runuser -u silian -- silian init --dir /var/lib/silian/second --unit 万家花园社区
runuser -u silian -- sh -c             'exec silian serve --dir /var/lib/silian/second > /dev/null 2>> /var/log/silian/second.log' &
for _ in $(seq 300); do grep -q office_served /var/log/silian/second.log && break; sleep 0.2; done
logrotate --force --state /tmp/state /etc/logrotate.d/silian
grep -q office_served /var/log/silian/second.log.1
test ! -s /var/log/silian/second.log
pkill --full 'serve --dir /var/lib/silian/second'
wait
grep -q process_stopped /var/log/silian/second.log
rm -r /var/lib/silian/second
