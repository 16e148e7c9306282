# First process of a lab machine: gives it an /etc, /run and the named folders of its own, then waits.
# Everything that it mounts is in memory and goes with its namespaces.
set -e
umask 022
mount -t tmpfs -o mode=0755 tmpfs /run
cp -a /etc /run/etc
mount --bind /run/etc /etc
for folder in "$@"; do
  [ -d "$folder" ] || continue
  mount -t tmpfs -o mode=0755 tmpfs "$folder"
done
ip link set lo up
: >/run/lab-ready
# As first process of its PID namespace bash also reaps what others leave to it.
# Its only child ends with the programs that are killed; the machine does not.
while true; do
  sleep infinity &
  wait
done
