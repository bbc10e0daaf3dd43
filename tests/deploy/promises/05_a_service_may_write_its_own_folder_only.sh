pid=$(systemctl show silian@street -p MainPID --value)
inside() { nsenter --mount --target "$pid" setpriv --reuid silian --regid silian --clear-groups "$@"; }
inside touch /var/lib/silian/street/own
rm /var/lib/silian/street/own
! inside touch /var/backups/silian/other
! inside touch /usr/lib/silian/other
grep -qE '^CapEff:\s0+$' /proc/$pid/status
grep -qE '^NoNewPrivs:\s1$' /proc/$pid/status
grep -qE '^Seccomp:\s2$' /proc/$pid/status
