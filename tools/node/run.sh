#!/bin/sh
# Starts a program of this checkout with a Node.js that is new enough: run.sh <name> <entry below the root> [argument...]
set -eu

name=$1
entry=$2
shift 2
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd -P)

if ! node=$(sh "$root/tools/node/find.sh"); then
  exit 1
fi
if [ ! -d "$root/node_modules" ]; then
  echo "$name: the packages are not installed: run 'make setup' in $root" >&2
  exit 1
fi
# Node caches what it compiles, which halves the start; it does without where the folder can't be written.
export NODE_COMPILE_CACHE="${NODE_COMPILE_CACHE-$root/.cache/node-compile}"
# SIGUSR1 must not open a debugger, which reads everything that the program holds.
exec "$node" --disable-sigusr1 "$root/$entry" "$@"
