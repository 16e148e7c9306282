{{/* What the schema can't tell in a sentence. */}}
{{- define "sharenet.checks" -}}
{{- $values := .Values }}
{{- if has .Release.Namespace $values.watchNamespaces }}
{{- fail (printf "watchNamespaces: %q is the operator's own namespace, in which tenants' objects are refused" .Release.Namespace) }}
{{- end }}
{{- if and $values.webhook.certManager.enabled (not $values.webhook.enabled) }}
{{- fail "webhook.certManager.enabled needs webhook.enabled=true: there is nothing else to make a certificate for" }}
{{- end }}
{{- if and $values.metrics.serviceMonitor.enabled (not $values.metrics.enabled) }}
{{- fail "metrics.serviceMonitor.enabled needs metrics.enabled=true: there is nothing to scrape" }}
{{- end }}
{{- if and $values.webhook.enabled $values.metrics.enabled (eq (int $values.webhook.port) (int $values.metrics.port)) }}
{{- fail (printf "webhook.port and metrics.port are both %d: one Pod can't listen twice on a port" (int $values.metrics.port)) }}
{{- end }}
{{- end }}
