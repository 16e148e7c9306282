# Runs the operator's bundle as its image does, in a mount namespace of its own:
#   confined.sh ROOT NODE BUNDLE SERVICE-ACCOUNT NAME=VALUE... /node PROGRAM FLAG...
set -eu
root=$1 node=$2 bundle=$3 account=$4
shift 4

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
mkdir -p "$root/opt/sharenet" "$root/proc" "$root/dev" "$root/var/run/secrets/kubernetes.io/serviceaccount"
mount --bind "$bundle" "$root/opt/sharenet"
mount -o remount,bind,ro "$root/opt/sharenet"
mount --bind "$account" "$root/var/run/secrets/kubernetes.io/serviceaccount"
mount -o remount,bind,ro "$root/var/run/secrets/kubernetes.io/serviceaccount"
mount --rbind /proc "$root/proc"
for device in null urandom; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
touch "$root/node"
mount --bind "$node" "$root/node"
mount -o remount,bind,ro "$root/node"
mount -o remount,ro "$root"

exec chroot "$root" /usr/bin/setpriv --reuid 65532 --regid 65532 --clear-groups --no-new-privs --bounding-set=-all \
  /usr/bin/env -i "$@"
