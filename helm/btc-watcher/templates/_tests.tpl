{{/* What the pods of `helm test` have in common. */}}

{{- define "btcwatcher.testHook" -}}
helm.sh/hook: test
helm.sh/hook-delete-policy: before-hook-creation
{{- end -}}

{{/* The API's address as another pod reaches it; where it listens on one address only, as on one machine, that one. */}}
{{- define "btcwatcher.apiAddress" -}}
{{- $host := .Values.api.host }}
{{- if has $host (list "0.0.0.0" "::") }}
{{- $host = printf "%s.%s.svc" (include "btcwatcher.name" (dict "root" . "component" "api")) .Release.Namespace }}
{{- else if contains ":" $host }}
{{- $host = printf "[%s]" $host }}
{{- end }}
{{- printf "http://%s:%d" $host (int .Values.api.port) }}
{{- end -}}

{{/* The operator's Lease, as namespace/name: it is in the first namespace that is looked after. */}}
{{- define "btcwatcher.lease" -}}
{{- printf "%s/%s" (.Values.namespaces | first | default .Release.Namespace) (include "btcwatcher.name" (dict "root" . "component" "operator")) }}
{{- end -}}

{{/* The one container: include "btcwatcher.testContainer" (dict "root" $ "image" .Values.api.image "arguments" (list "--api=...")) */}}
{{- define "btcwatcher.testContainer" -}}
- name: check
  {{- include "btcwatcher.container" . | nindent 2 }}
  args: {{ concat (list "check") .arguments | toJson }}
  resources:
    {{- toYaml .root.Values.keys.resources | nindent 4 }}
  volumeMounts:
    - {name: tmp, mountPath: /tmp}
{{- end -}}
