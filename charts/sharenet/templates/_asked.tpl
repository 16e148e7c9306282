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
{{- with .Values.webhook.namespaceSelector }}
namespaceSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
