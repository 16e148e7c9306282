{{/* How the API server asks, the same for both webhooks. */}}
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
failurePolicy: {{ .Values.webhook.failurePolicy }}
timeoutSeconds: {{ .Values.webhook.timeoutSeconds }}
{{- with .Values.webhook.namespaceSelector }}
namespaceSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
