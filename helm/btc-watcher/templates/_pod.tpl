{{/* What all pods of the platform have in common. */}}

{{/* Metadata of a pod: include "btcwatcher.podMetadata" (dict "root" $ "component" "api" "settings" .Values.api "annotations" (dict)) */}}
{{- define "btcwatcher.podMetadata" -}}
labels:
  {{- /* What the Deployment selects by cannot be changed by a value. */}}
  {{- $fixed := include "btcwatcher.labels" . | fromYaml }}
  {{- merge (dict) $fixed (.settings.podLabels | default dict) | toYaml | nindent 2 }}
{{- with merge (dict) (.annotations | default dict) (.settings.podAnnotations | default dict) }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Replicas, selector and the way from one version to the next of a Deployment; the same arguments. */}}
{{- define "btcwatcher.deployment" -}}
{{- if not (dig "autoscaling" "enabled" false .settings) }}
replicas: {{ .settings.replicas }}
{{- end }}
revisionHistoryLimit: 3
selector:
  matchLabels:
    {{- include "btcwatcher.selector" . | nindent 4 }}
strategy:
  type: {{ .settings.updateStrategy }}
  {{- if eq .settings.updateStrategy "RollingUpdate" }}
  rollingUpdate:
    maxSurge: 1
    maxUnavailable: 0
  {{- end }}
{{- end -}}

{{/* A pod's settings, restricted in the sense of Pod Security. Each of the platform's pods talks to Kubernetes. */}}
{{- define "btcwatcher.podBasics" -}}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
serviceAccountName: {{ include "btcwatcher.name" . }}
automountServiceAccountToken: true
enableServiceLinks: false
{{- with .settings.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
securityContext:
  {{- include "btcwatcher.podSecurity" . | nindent 2 }}
{{- with .settings.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .settings.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .settings.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The same for one of several pods that had better be on different nodes. */}}
{{- define "btcwatcher.pod" -}}
{{ include "btcwatcher.podBasics" . }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "btcwatcher.selector" . | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
{{- end -}}

{{- define "btcwatcher.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "btcwatcher.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* What every container has; "image": one of the values. Paths are relative to the working directory. */}}
{{- define "btcwatcher.container" -}}
image: {{ include "btcwatcher.image" . }}
{{- with .image.pullPolicy }}
imagePullPolicy: {{ . }}
{{- end }}
workingDir: /btcwatcher
securityContext:
  {{- include "btcwatcher.containerSecurity" . | nindent 2 }}
terminationMessagePolicy: FallbackToLogsOnError
{{- end -}}

{{/*
Probes at a named port, with what the values say over it: include "btcwatcher.probes" (dict "port" "http" "settings" .Values.api)
A start may take a minute on a busy node, a process that hangs is restarted after half of one.
*/}}
{{- define "btcwatcher.probes" -}}
{{- $alive := dict "httpGet" (dict "path" "/healthz" "port" .port) "timeoutSeconds" 5 }}
{{- $ready := dict "httpGet" (dict "path" "/readyz" "port" .port) "timeoutSeconds" 5 }}
{{- $probes := .settings.probes }}
startupProbe:
  {{- merge (dict) $probes.startup (dict "periodSeconds" 2 "failureThreshold" 60) $alive | toYaml | nindent 2 }}
livenessProbe:
  {{- merge (dict) $probes.liveness (dict "periodSeconds" 10 "failureThreshold" 3) $alive | toYaml | nindent 2 }}
readinessProbe:
  {{- merge (dict) $probes.readiness (dict "periodSeconds" 5 "failureThreshold" 2) $ready | toYaml | nindent 2 }}
{{- end -}}

{{/* The platform's keys as files, none but those named: include "btcwatcher.keysVolume" (dict "root" $ "keys" (list "bot")) */}}
{{- define "btcwatcher.keysVolume" -}}
name: keys
secret:
  secretName: {{ include "btcwatcher.keysSecret" .root }}
  defaultMode: 0440
  items:
    {{- range .keys }}
    - {key: {{ . }}, path: {{ . }}}
    {{- end }}
{{- end -}}

{{/* The bearer token for Prometheus, if there is one. */}}
{{- define "btcwatcher.prometheusEnv" -}}
{{- with .Values.capacity.prometheusUrl }}
- {name: BTCWATCHER_PROMETHEUS_URL, value: {{ . | quote }}}
{{- end }}
{{- if .Values.capacity.prometheusTokenSecret.name }}
- {name: BTCWATCHER_PROMETHEUS_TOKEN_FILE, value: prometheus/token}
{{- end }}
{{- end -}}

{{- define "btcwatcher.prometheusVolume" -}}
{{- with .Values.capacity.prometheusTokenSecret }}
{{- if .name }}
- name: prometheus
  secret:
    secretName: {{ .name }}
    defaultMode: 0440
    items:
      - {key: {{ .key }}, path: token}
{{- end }}
{{- end }}
{{- end -}}

{{- define "btcwatcher.prometheusMount" -}}
{{- if .Values.capacity.prometheusTokenSecret.name }}
- {name: prometheus, mountPath: /btcwatcher/prometheus, readOnly: true}
{{- end }}
{{- end -}}
