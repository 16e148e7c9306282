{{/*
Most names are fixed: the operator looks for its lease, Secrets, Service and registration by name, so that a namespace holds one
operator.
*/}}

{{/* Labels of every object. */}}
{{- define "sharenet.labels" -}}
{{- with .Values.commonLabels }}{{ toYaml . }}
{{ end -}}
app.kubernetes.io/name: sharenet
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name (.Chart.Version | replace "+" "_") }}
{{- end }}

{{/* What selects the operator's Pods; it can't change in an upgrade. */}}
{{- define "sharenet.selector" -}}
app.kubernetes.io/name: sharenet
app.kubernetes.io/component: operator
{{- end }}

{{- define "sharenet.namespaced" -}}
{{- if .Values.watchNamespaces }}true{{ end }}
{{- end }}

{{- define "sharenet.subjects" -}}
- kind: ServiceAccount
  name: {{ .Values.serviceAccount.name }}
  namespace: {{ .Release.Namespace }}
{{- end }}

{{/* Several namespaced operators in one cluster each have cluster-wide objects of their own. */}}
{{- define "sharenet.clusterReadName" -}}
sharenet-cluster-read{{ include "sharenet.suffix" . }}
{{- end }}

{{- define "sharenet.suffix" -}}
{{- if ne .Release.Namespace "sharenet-system" }}-{{ .Release.Namespace }}{{ end }}
{{- end }}

{{/* The operator works the same name out. */}}
{{- define "sharenet.registrationName" -}}
sharenet-validating-webhook{{ if .Values.watchNamespaces }}{{ include "sharenet.suffix" . }}{{ end }}
{{- end }}

{{- define "sharenet.secretsPolicyName" -}}
sharenet-operator-secrets{{ include "sharenet.suffix" . }}
{{- end }}

{{- define "sharenet.image" -}}
{{- $image := .Values.image }}
{{- if $image.digest }}{{ $image.repository }}@{{ $image.digest }}
{{- else }}{{ $image.repository }}:{{ $image.tag | default .Chart.AppVersion }}
{{- end }}
{{- end }}
