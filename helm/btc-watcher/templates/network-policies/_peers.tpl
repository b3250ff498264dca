{{/* What the NetworkPolicies are put together from. */}}

{{/* Ports: include "btcwatcher.netpol.ports" (list 443 6443) */}}
{{- define "btcwatcher.netpol.ports" -}}
{{- range $i, $port := . }}
{{- if $i }}{{ "\n" }}{{ end -}}
- {protocol: TCP, port: {{ int $port }}}
{{- end -}}
{{- end -}}

{{/* Names, which everything asks for. */}}
{{- define "btcwatcher.netpol.dns" -}}
- ports:
    {{- range .Values.networkPolicies.dns.ports }}
    - {protocol: UDP, port: {{ int . }}}
    - {protocol: TCP, port: {{ int . }}}
    {{- end }}
  {{- with .Values.networkPolicies.dns.to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{- define "btcwatcher.netpol.apiServer" -}}
- ports:
    {{- include "btcwatcher.netpol.ports" .Values.networkPolicies.apiServer.ports | nindent 4 }}
  {{- with .Values.networkPolicies.apiServer.cidrs }}
  to:
    {{- range . }}
    - ipBlock: {cidr: {{ . | quote }}}
    {{- end }}
  {{- end }}
{{- end -}}

{{- define "btcwatcher.netpol.database" -}}
- ports:
    {{- $port := ternary 5432 .Values.networkPolicies.database.port .Values.database.bundled.enabled }}
    {{- include "btcwatcher.netpol.ports" (list $port) | nindent 4 }}
  {{- if .Values.database.bundled.enabled }}
  to:
    - podSelector:
        matchLabels:
          {{- include "btcwatcher.selector" (dict "root" . "component" "database") | nindent 10 }}
  {{- else if .Values.networkPolicies.database.to }}
  to:
    {{- toYaml .Values.networkPolicies.database.to | nindent 4 }}
  {{- end }}
{{- end -}}

{{/* Prometheus, where one is asked. A Service's port may differ from its pods', which are what a policy sees. */}}
{{- define "btcwatcher.netpol.prometheus" -}}
{{- with .Values.capacity.prometheusUrl }}
{{- $url := urlParse . }}
{{- $implied := ternary "443" "80" (eq $url.scheme "https") }}
{{- $named := regexFind ":[0-9]+$" $url.host | trimPrefix ":" | default $implied }}
{{- $ports := $.Values.networkPolicies.prometheus.ports | default (list $named "9090" | uniq) -}}
- ports:
    {{- include "btcwatcher.netpol.ports" $ports | nindent 4 }}
  {{- with $.Values.networkPolicies.prometheus.to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* Everywhere but to the clouds' metadata and whatever else is forbidden: peers. */}}
{{- define "btcwatcher.netpol.outside" -}}
{{- include "btcwatcher.netpol.everywhereBut" .Values.networkPolicies.outside.except -}}
{{- end -}}

{{/* Peers: include "btcwatcher.netpol.everywhereBut" (list "10.0.0.0/8") */}}
{{- define "btcwatcher.netpol.everywhereBut" -}}
{{- $v4 := list }}
{{- $v6 := list }}
{{- range . }}
{{- if contains ":" . }}{{ $v6 = append $v6 . }}{{ else }}{{ $v4 = append $v4 . }}{{ end }}
{{- end -}}
- ipBlock:
    cidr: 0.0.0.0/0
    {{- with $v4 }}
    except: {{ toJson . }}
    {{- end }}
- ipBlock:
    cidr: "::/0"
    {{- with $v6 }}
    except: {{ toJson . }}
    {{- end }}
{{- end -}}

{{/* The namespaces that have bots, for a peer. */}}
{{- define "btcwatcher.netpol.botNamespaces" -}}
{{- if .Values.namespaces -}}
namespaceSelector:
  matchExpressions:
    - {key: kubernetes.io/metadata.name, operator: In, values: {{ toJson .Values.namespaces }}}
{{- else -}}
namespaceSelector: {}
{{- end -}}
{{- end -}}

{{/* Who scrapes: peers. */}}
{{- define "btcwatcher.netpol.metricsFrom" -}}
{{- .Values.networkPolicies.metricsFrom | default (list (dict "namespaceSelector" dict)) | toYaml -}}
{{- end -}}

{{/* The head of a policy, up to its rules: include "btcwatcher.netpol.head" (dict "root" $ "component" "api") */}}
{{- define "btcwatcher.netpol.head" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "btcwatcher.metadata" . | nindent 2 }}
spec:
  podSelector:
    matchLabels:
      {{- include "btcwatcher.selector" . | nindent 6 }}
  policyTypes: [Ingress, Egress]
{{- end -}}
