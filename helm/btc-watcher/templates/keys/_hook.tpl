{{/* The Job that makes keys runs before everything else, at an installation and at each upgrade: what is there it leaves alone. */}}

{{- define "btcwatcher.keysNeeded" -}}
{{- if or (not .Values.keys.existingSecret) .Values.database.bundled.enabled }}yes{{ end }}
{{- end -}}

{{- define "btcwatcher.keysHook" -}}
helm.sh/hook: pre-install,pre-upgrade
helm.sh/hook-weight: {{ .weight | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end -}}
