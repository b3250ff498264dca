{{/*
Who reaches the pods of bots, and what they reach: the rules of the NetworkPolicy that the operator keeps in every namespace with
Strategies, which the chart does not know.
*/}}
{{- define "btcwatcher.botNetwork" -}}
{{- $bots := .Values.networkPolicies.bots }}
{{- $pool := splitList "-" .Values.bots.portRange -}}
ingress:
  # Their own API, at the port that the pool gave each.
  - ports: [{protocol: TCP, port: {{ index $pool 0 }}, endPort: {{ index $pool 1 }}}]
    {{- if or $bots.ingressFrom (not .Values.bots.baseDomain) }}
    from:
      - {{- include "btcwatcher.netpol.platform" (dict "root" .) | nindent 8 }}
      {{- with $bots.ingressFrom }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
    {{- end }}
egress:
  {{- include "btcwatcher.netpol.dns" . | nindent 2 }}
  # Signals go to the API.
  - ports: [{protocol: TCP, port: {{ .Values.api.port | int }}}]
    to:
      - {{- include "btcwatcher.netpol.platform" (dict "root" . "component" "api") | nindent 8 }}
  {{- if .Values.market.enabled }}
  # Market data comes from the cache.
  - ports: [{protocol: TCP, port: {{ .Values.market.port | int }}}]
    to:
      - {{- include "btcwatcher.netpol.platform" (dict "root" . "component" "market") | nindent 8 }}
  {{- end }}
  # Exchanges, and Proxies outside: at any port, for a proxy has one of its own.
  - to:
      {{- include "btcwatcher.netpol.everywhereBut" $bots.except | nindent 6 }}
  {{- with $bots.alsoTo }}
  - to:
      {{- toYaml . | nindent 6 }}
  {{- end }}
{{- end -}}

{{/* Pods of the release, of one component if that is given, for a peer: include "btcwatcher.netpol.platform" (dict "root" $) */}}
{{- define "btcwatcher.netpol.platform" -}}
namespaceSelector:
  matchLabels:
    kubernetes.io/metadata.name: {{ .root.Release.Namespace }}
podSelector:
  matchLabels:
    {{- if .component }}
    {{- include "btcwatcher.selector" . | nindent 4 }}
    {{- else }}
    app.kubernetes.io/name: btc-watcher
    app.kubernetes.io/instance: {{ .root.Release.Name }}
    {{- end }}
{{- end -}}
