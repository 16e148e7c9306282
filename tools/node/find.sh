#!/bin/sh
# Prints the Node.js that Sharenet runs on: the one that `make setup` fetched into this folder, else the first one on the
# PATH if it is new enough. Prints one line to standard error and fails when there is none.
set -eu

minimum=22.19.0
fetched=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)/node_modules/.bin/node

# Succeeds when version $1 (as "v26.1.0") is at least version $2 (as "22.19.0").
at_least() {
  have=${1#v} need=$2
  have_major=${have%%.*} need_major=${need%%.*}
  have_rest=${have#*.} need_rest=${need#*.}
  [ "$have_major" -gt "$need_major" ] ||
    { [ "$have_major" -eq "$need_major" ] && [ "${have_rest%%.*}" -ge "${need_rest%%.*}" ]; }
}

# It is run, not just looked for: a checkout may have moved here from another kind of machine.
if [ -x "$fetched" ] && "$fetched" --version >/dev/null 2>&1; then
  echo "$fetched"
  exit
fi

found=$(command -v node || true)
if [ -z "$found" ]; then
  reason='none is on the PATH'
else
  version=$("$found" --version 2>/dev/null || true)
  case $version in
  v[0-9]*.[0-9]*.[0-9]*)
    if at_least "$version" "$minimum"; then
      echo "$found"
      exit
    fi
    reason="$found is $version"
    ;;
  *) reason="$found does not run" ;;
  esac
fi
echo "Node.js $minimum or newer is needed and $reason: run 'make setup', which fetches one into the checkout" >&2
exit 1
