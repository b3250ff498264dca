{{/* How the API's processes reach Postgres, and how its schema is brought up to date before one of them starts. */}}

{{- define "btcwatcher.databaseSecret" -}}
{{- .Values.database.existingSecret.name | default (printf "%s-database" (include "btcwatcher.fullname" .)) -}}
{{- end -}}

{{- define "btcwatcher.databaseEnv" -}}
- name: BTCWATCHER_DATABASE_URL
  valueFrom:
    secretKeyRef:
      name: {{ include "btcwatcher.databaseSecret" . }}
      key: {{ ternary "uri" .Values.database.existingSecret.key .Values.database.bundled.enabled }}
{{- end -}}

{{/* Several pods may do this at a time: a lock in the database lets one after the other. */}}
{{- define "btcwatcher.migrate" -}}
- name: migrate
  {{- include "btcwatcher.container" (dict "root" . "image" .Values.api.image) | nindent 2 }}
  args: [migrate]
  env:
    {{- include "btcwatcher.databaseEnv" . | nindent 4 }}
  resources:
    {{- toYaml .Values.api.resources | nindent 4 }}
  volumeMounts:
    - {name: tmp, mountPath: /tmp}
{{- end -}}

{{/* What all of the API's processes are told: include "btcwatcher.apiEnv" (dict "root" $ "settings" .Values.worker) */}}
{{- define "btcwatcher.apiEnv" -}}
{{ include "btcwatcher.databaseEnv" .root }}
- {name: BTCWATCHER_HOST, value: {{ .settings.host | quote }}}
- {name: BTCWATCHER_PORT, value: {{ .settings.port | int | quote }}}
- {name: BTCWATCHER_LOG_LEVEL, value: {{ .settings.logLevel | quote }}}
- {name: BTCWATCHER_RETENTION_SIGNALS_DAYS, value: {{ .root.Values.api.retention.signals | int | quote }}}
{{- with .root.Values.namespaces }}
- {name: BTCWATCHER_NAMESPACES, value: {{ join "," . | quote }}}
{{- end }}
{{- end -}}
