#!/bin/sh
# Says on a pull request what merging it would do: the difference, whether the API server takes it, and whether the share servers
# could take the security services that it names. Nothing is changed but an annotation, which is taken off again.
#
#   ci/check-change.sh FOLDER NAMESPACE NETWORK [FIELD-MANAGER]
#
# Needs kubectl and the rights to edit the namespace. FIELD-MANAGER is whose fields they are: kustomize-controller (Flux) unless told.
set -eu
folder=$1 namespace=$2 network=$3
as_merged="--server-side --force-conflicts --field-manager=${4:-kustomize-controller}"
annotation=sharenet.io/check-security-services

# Under a name of its own: what was written as kubectl Flux takes away in its next round.
annotate() { kubectl annotate sharenetwork "$network" -n "$namespace" --field-manager=check-change "$@" >/dev/null; }
of_network() { kubectl get sharenetwork "$network" -n "$namespace" "$@"; }

echo "== what changes"
# shellcheck disable=SC2086
kubectl diff $as_merged -k "$folder" || [ $? -eq 1 ]

echo "== whether the API server takes it"
# shellcheck disable=SC2086
kubectl apply $as_merged --dry-run=server -k "$folder"

if ! of_network >/dev/null 2>&1; then
  echo "== share network $network is new: no share server to ask"
  exit 0
fi

echo "== whether the share servers could take it"
# shellcheck disable=SC2086
wanted=$(kubectl apply $as_merged --dry-run=server -k "$folder" -o go-template='{{range .items}}{{if eq .kind "ShareNetwork"}}{{if eq .metadata.name "'"$network"'"}}{{range $i, $s := .spec.securityServices}}{{if $i}},{{end}}{{$s.type}}={{$s.name}}{{end}}{{end}}{{end}}{{end}}')
trap 'annotate "$annotation-"' EXIT
annotate --overwrite "$annotation=$wanted"
tries=120
until [ "$(of_network -o jsonpath='{.status.check.request}')" = "$wanted" ]; do
  tries=$((tries - 1))
  [ $tries -gt 0 ] || { echo "share network $network did not answer the check within two minutes: is the operator running?" >&2; exit 1; }
  sleep 1
done
of_network -o go-template='{{with .status.check}}compatible: {{.compatible}}{{with .reason}} ({{.}}){{end}}{{with .message}}: {{.}}{{end}}
{{range .servers}}  {{.name}}: compatible {{.compatible}}{{with .estimatedSeconds}}, out for about {{.}} s{{end}}{{if .disruptsSessions}}, cuts open sessions{{end}}{{with .message}}: {{.}}{{end}}
{{end}}{{end}}'
[ "$(of_network -o jsonpath='{.status.check.compatible}')" = true ]
