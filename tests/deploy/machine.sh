#!/bin/bash
# A machine to throw away: the files of $BELOW (default: this one) under a layer in memory, and
# systemd as process 1.
#   unshare --mount --pid --fork --kill-child --uts --ipc bash machine.sh FOLDER
# FOLDER is /mnt there. before.sh runs as root before the boot, after.sh after it. Their output and
# "after.sh ended with N" go to standard output. Nothing outside FOLDER is changed.
set -euo pipefail
folder=$1 below=${BELOW:-/}
if [ "${2:-}" != inside ]; then
    root=$folder/root
    mkdir -p "$folder/layer" "$folder/cgroups" "$root"
    mount --make-rprivate /
    mount -t tmpfs none "$folder/layer"
    mkdir "$folder/layer/upper" "$folder/layer/work"
    mount -t overlay overlay "$root" \
        -o "lowerdir=$below,upperdir=$folder/layer/upper,workdir=$folder/layer/work"
    # A group of processes of its own, which is the root of all groups for what is inside.
    mount -t cgroup2 none "$folder/cgroups"
    mkdir -p "$folder/cgroups/$(basename "$folder")"
    echo 0 > "$folder/cgroups/$(basename "$folder")/cgroup.procs"
    exec unshare --cgroup bash "$0" "$folder" inside
fi
ip link set lo up # the network has nothing else, and no way out
for each in 1 2 3; do ip address add "10.0.0.$each/32" dev lo; done
cd "$folder/root"
mount -t proc proc proc
for each in run tmp sys dev; do mount -t tmpfs -o mode=755 none "$each"; done
chmod 1777 tmp
for each in null zero full random urandom tty; do
    touch "dev/$each"
    mount --bind "/dev/$each" "dev/$each"
done
mkdir -p dev/shm dev/pts sys/fs/cgroup
mount -t tmpfs -o mode=1777 none dev/shm
ln -s /proc/self/fd dev/fd
ln -s pts/ptmx dev/ptmx
mount -t cgroup2 none sys/fs/cgroup
mount --bind "$folder" mnt
echo 0123456789abcdef0123456789abcdef > etc/machine-id
# Nothing of the machine around is started.
rm -rf etc/systemd/system/*.wants
ln -sf /dev/null etc/systemd/system/systemd-udevd.service
export container=silian PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
unset ${!PYTHON*} ${!PIP*} ${!SILIAN*} HOME
exec 3> "$folder/systemd.log"
mkdir -p .before
pivot_root . .before
cd /
umount -l .before
mount --make-rshared / # as who starts a container does: systemd mounts credentials in a child
/bin/bash -euo pipefail /mnt/before.sh
(
    for _ in $(seq 600); do
        [ -S /run/systemd/private ] && systemctl is-active --quiet multi-user.target && break
        sleep 0.1
    done
    ended=0
    /bin/bash -euo pipefail /mnt/after.sh || ended=$?
    echo "after.sh ended with $ended"
) &
exec /lib/systemd/systemd --system --unit=multi-user.target >&3 2>&1
