{{/* What the operator needs in a namespace in which tenants have objects. */}}
{{- define "sharenet.tenantRules" -}}
# All kinds are followed. Patched are finalizers only; what people write (spec, labels, annotations) never is.
- apiGroups: [sharenet.io]
  resources: [securityservices, sharenetworks, shareservers, shares, shareaccesses]
  verbs: [list, watch, patch]
# Read past the cache: who reset a phase, and the newest version for what a driver answered.
- apiGroups: [sharenet.io]
  resources: [sharenetworks, shareservers, shares, shareaccesses]
  verbs: [get]
- apiGroups: [sharenet.io]
  resources:
    - securityservices/status
    - sharenetworks/status
    - shareservers/status
    - shares/status
    - shareaccesses/status
  verbs: [update]
# Share servers are the only objects of ours that the operator makes by itself.
- apiGroups: [sharenet.io]
  resources: [shareservers]
  verbs: [create, delete]
# A share server blocks the deletion of its network. Where the API server has the admission plug-in
# OwnerReferencesPermissionEnforcement, only who may update the network's finalizers may say so.
- apiGroups: [sharenet.io]
  resources: [sharenetworks/finalizers]
  verbs: [update]
# Passwords are read here and access keys are written here. RBAC can't restrict by label; the operator lists and watches only
# Secrets with its labels sharenet.io/credentials and sharenet.io/access-key.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch, create, update, delete]
# Patched are the counts of events that repeat.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}

{{/* What is the whole cluster's and has to be read. */}}
{{- define "sharenet.clusterRules" -}}
- apiGroups: [sharenet.io]
  resources: [storagebackends]
  verbs: [list, watch]
# Labels of namespaces decide on placement, their UIDs are the tenants.
- apiGroups: [""]
  resources: [namespaces]
  verbs: [list, watch]
# Its UID is the identity of the cluster.
- apiGroups: [""]
  resources: [namespaces]
  resourceNames: [kube-system]
  verbs: [get]
# The schema version is compared at the start.
- apiGroups: [apiextensions.k8s.io]
  resources: [customresourcedefinitions]
  resourceNames: [sharenetworks.sharenet.io]
  verbs: [get]
{{- end }}
