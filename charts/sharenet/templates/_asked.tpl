{{/* How the API server asks, the same for all webhooks. */}}
{{- define "sharenet.asked" -}}
clientConfig:
  service:
    name: sharenet-webhook
    namespace: {{ .Release.Namespace }}
    path: /validate
    port: {{ .Values.webhook.servicePort }}
matchPolicy: Equivalent
sideEffects: None
admissionReviewVersions: [v1]
{{- $selector := deepCopy .Values.webhook.namespaceSelector }}
{{- if .Values.watchNamespaces }}
{{- /* Others are none of its business; its own namespace is for its probe. */}}
{{- $served := dict "key" "kubernetes.io/metadata.name" "operator" "In" "values" (prepend .Values.watchNamespaces .Release.Namespace) }}
{{- $_ := set $selector "matchExpressions" (append ($selector.matchExpressions | default list) $served) }}
{{- end }}
{{- with $selector }}
namespaceSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
