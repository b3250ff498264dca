{{/*
Refuses what is enabled although the cluster does not know its kind: include "btcwatcher.needs" (dict "root" $ "kind"
"monitoring.coreos.com/v1/ServiceMonitor" "value" "monitoring.serviceMonitor.enabled" "of" "the Prometheus operator")
*/}}
{{- define "btcwatcher.needs" -}}
{{- if not (.root.Capabilities.APIVersions.Has .kind) }}
{{- fail (printf "%s is true, but the cluster does not know %s: install %s first, or set it to false (to render without a cluster: --api-versions=%s)" .value .kind .of .kind) }}
{{- end }}
{{- end -}}
