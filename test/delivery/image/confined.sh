# Runs the operator's bundle as its image does, in a mount namespace of its own:
#   confined.sh ROOT NODE BUNDLE PLACE SERVICE-ACCOUNT USER GROUP NAME=VALUE... /node PROGRAM FLAG...
set -eu
root=$1 node=$2 bundle=$3 place=$4 account=$5 user=$6 group=$7
shift 7

mount --make-rprivate /
mount -t tmpfs -o mode=0755 tmpfs "$root"
# The system's libraries; on merged systems /lib and /lib64 are links into /usr.
for folder in /usr /lib /lib64; do
  if [ -L "$folder" ]; then
    cp -P "$folder" "$root$folder"
  elif [ -d "$folder" ]; then
    mkdir "$root$folder"
    mount --bind "$folder" "$root$folder"
    mount -o remount,bind,ro "$root$folder"
  fi
done
mkdir -p "$root$place" "$root/proc" "$root/dev" "$root/var/run/secrets/kubernetes.io/serviceaccount"
mount --bind "$bundle" "$root$place"
mount -o remount,bind,ro "$root$place"
mount --bind "$account" "$root/var/run/secrets/kubernetes.io/serviceaccount"
mount -o remount,bind,ro "$root/var/run/secrets/kubernetes.io/serviceaccount"
mount --rbind /proc "$root/proc"
# Made again as a container runtime makes them: someone may have changed the rights of the machine's own.
device() {
  mknod -m 0666 "$root/dev/$1" c "$2" "$3" 2>/dev/null || { touch "$root/dev/$1"; mount --bind "/dev/$1" "$root/dev/$1"; }
}
device null 1 3
device urandom 1 9
touch "$root/node"
mount --bind "$node" "$root/node"
mount -o remount,bind,ro "$root/node"
mount -o remount,ro "$root"

exec chroot "$root" /usr/bin/setpriv --reuid "$user" --regid "$group" --clear-groups --no-new-privs --bounding-set=-all \
  /usr/bin/env -i "$@"
