runuser -u silian -- silian init --dir /var/lib/silian/street --unit 闸弄口街道
systemctl enable --now silian@street
test "$(systemctl show silian@street -p SubState --value)" = running
systemctl show silian@street -p StatusText --value | grep "serves 1 offices at 127" > /dev/null
runuser -u silian -- silian status --dir /var/lib/silian/street
journalctl -u silian@street -o cat | grep '"event": "office_served"' > /dev/null
