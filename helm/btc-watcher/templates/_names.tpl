{{/* What objects are called, and the labels they carry. */}}

{{- define "btcwatcher.fullname" -}}
{{- /* A release's name may hold dots, a Service's may not. */ -}}
{{- .Values.fullnameOverride | default .Release.Name | replace "." "-" | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* The name of a component's objects: include "btcwatcher.name" (dict "root" $ "component" "api") */}}
{{- define "btcwatcher.name" -}}
{{- printf "%s-%s" (include "btcwatcher.fullname" .root) .component -}}
{{- end -}}

{{- define "btcwatcher.selector" -}}
app.kubernetes.io/name: btc-watcher
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "btcwatcher.labels" -}}
{{ include "btcwatcher.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: btc-watcher
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* metadata of an object, "labels" and "annotations" of its own if given: include "btcwatcher.metadata" (dict "root" $ "component" "api") */}}
{{- define "btcwatcher.metadata" -}}
name: {{ .name | default (include "btcwatcher.name" .) }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "btcwatcher.labels" . | nindent 2 }}
  {{- with .labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- $annotations := merge (dict) (.annotations | default dict) .root.Values.commonAnnotations }}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "btcwatcher.keysSecret" -}}
{{- .Values.keys.existingSecret | default (printf "%s-keys" (include "btcwatcher.fullname" .)) -}}
{{- end -}}

{{/* Where bots reach the API. */}}
{{- define "btcwatcher.webhookUrl" -}}
{{- $service := printf "http://%s.%s.svc:%d" (include "btcwatcher.name" (dict "root" . "component" "api")) .Release.Namespace (int .Values.api.port) -}}
{{- .Values.bots.webhookUrl | default $service -}}
{{- end -}}

{{/* The names of a list of objects, with commas: include "btcwatcher.names" .Values.imagePullSecrets */}}
{{- define "btcwatcher.names" -}}
{{- range $i, $each := . }}{{ if $i }},{{ end }}{{ $each.name }}{{ end -}}
{{- end -}}

{{/* Where bots reach the market-data cache; nothing where there is none, or where nobody may see the Exchanges. */}}
{{- define "btcwatcher.marketUrl" -}}
{{- if and .Values.market.enabled (or (not .Values.namespaces) .Values.rbac.exchanges) -}}
{{- $service := printf "http://%s.%s.svc:%d" (include "btcwatcher.name" (dict "root" . "component" "market")) .Release.Namespace (int .Values.market.port) -}}
{{- .Values.market.url | default $service -}}
{{- end -}}
{{- end -}}

{{/* An image: include "btcwatcher.image" (dict "root" $ "image" .Values.api.image) */}}
{{- define "btcwatcher.image" -}}
{{- $repository := .image.repository -}}
{{- if .root.Values.imageRegistry -}}
{{- $repository = printf "%s/%s" (trimSuffix "/" .root.Values.imageRegistry) $repository -}}
{{- end -}}
{{- printf "%s:%s" $repository (.image.tag | default .root.Chart.AppVersion) -}}
{{- end -}}
