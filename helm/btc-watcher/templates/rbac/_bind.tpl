{{/* Gives a process its rules where it may use them. */}}

{{/*
Roles and bindings of one component: include "btcwatcher.rbac" (dict "root" $ "component" "api"). Three templates say what it
asks of Kubernetes, each a list of rules or nothing:
  btcwatcher.rules.<component>            in every namespace that is looked after
  btcwatcher.rules.<component>.cluster    of the whole cluster; without `namespaces` only
  btcwatcher.rules.<component>.own        in the release's namespace, where that is not looked after as well
*/}}
{{- define "btcwatcher.rbac" -}}
{{- $rules := include (printf "btcwatcher.rules.%s" .component) .root | trim }}
{{- $cluster := include (printf "btcwatcher.rules.%s.cluster" .component) .root | trim }}
{{- $own := include (printf "btcwatcher.rules.%s.own" .component) .root | trim }}
{{- if .root.Values.namespaces }}
{{- range .root.Values.namespaces }}
{{- include "btcwatcher.role" (merge (dict "kind" "Role" "namespace" . "rules" $rules) $) }}
{{- end }}
{{- if and $own (not (has .root.Release.Namespace .root.Values.namespaces)) }}
{{- include "btcwatcher.role" (merge (dict "kind" "Role" "suffix" "-own" "namespace" .root.Release.Namespace "rules" $own) .) }}
{{- end }}
{{- else }}
{{- include "btcwatcher.role" (merge (dict "kind" "ClusterRole" "rules" (list $rules $cluster | compact | join "\n")) .) }}
{{- end }}
{{- end -}}

{{/* A role and its binding to the component's ServiceAccount. */}}
{{- define "btcwatcher.role" -}}
{{- $account := include "btcwatcher.name" . }}
{{- $name := printf "%s%s" $account (.suffix | default "") }}
{{- if eq .kind "ClusterRole" }}
{{- /* Releases of one name in two namespaces are two. */}}
{{- $name = printf "%s-%s" .root.Release.Namespace $name }}
{{- end }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ .kind }}
metadata:
  {{- include "btcwatcher.roleMetadata" (merge (dict "name" $name) .) | nindent 2 }}
rules:
  {{- .rules | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ .kind }}Binding
metadata:
  {{- include "btcwatcher.roleMetadata" (merge (dict "name" $name) .) | nindent 2 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ .kind }}
  name: {{ $name }}
subjects:
  - {kind: ServiceAccount, name: {{ $account }}, namespace: {{ .root.Release.Namespace }}}
{{ end -}}

{{- define "btcwatcher.roleMetadata" -}}
name: {{ .name }}
{{- with .namespace }}
namespace: {{ . }}
{{- end }}
labels:
  {{- include "btcwatcher.labels" . | nindent 2 }}
{{- with .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
