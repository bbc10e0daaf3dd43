systemctl stop silian@street
mv /var/lib/silian/street /var/lib/silian/lost
install -d -m 0700 -o silian -g silian /var/lib/silian/street
newest=$(ls /var/backups/silian/street/* | tail -1)
runuser -u silian -- silian db restore "$newest" --dir /var/lib/silian/street
systemctl start silian@street
runuser -u silian -- silian status --dir /var/lib/silian/street
cmp /var/lib/silian/street/signing.key /var/lib/silian/lost/signing.key
rm -r /var/lib/silian/lost
