{{/* Values that do not fit together are refused with a sentence; what one value alone must be is in values.schema.json. */}}

{{- define "btcwatcher.checks" -}}
{{- $database := .Values.database }}
{{- if and (not $database.existingSecret.name) (not $database.bundled.enabled) }}
{{- fail "no database: name the Secret with Postgres' address in database.existingSecret.name, or, to try BTC Watcher out, set database.bundled.enabled=true" }}
{{- end }}
{{- if and $database.existingSecret.name $database.bundled.enabled }}
{{- fail "two databases: database.existingSecret.name and database.bundled.enabled exclude each other" }}
{{- end }}
{{- $gateway := .Values.bots.gateway }}
{{- if ne (empty $gateway.name) (empty $gateway.namespace) }}
{{- fail "half a Gateway: bots.gateway.name and bots.gateway.namespace go together" }}
{{- end }}
{{- if and $gateway.name (not .Values.bots.baseDomain) }}
{{- fail "bots.gateway.name needs bots.baseDomain: routes are made for its names" }}
{{- end }}
{{- if and .Values.capacity.prometheusTokenSecret.name (not .Values.capacity.prometheusUrl) }}
{{- fail "capacity.prometheusTokenSecret.name needs capacity.prometheusUrl: there is nobody to show the token to" }}
{{- end }}
{{- $ports := splitList "-" .Values.bots.portRange }}
{{- if or (ne (len $ports) 2) (gt (int (first $ports)) (int (last $ports))) }}
{{- fail (printf "bots.portRange %q is no range: give the first and the last port, such as 8081-9080" .Values.bots.portRange) }}
{{- end }}
{{- if lt (.Values.api.retention.signals | int) 35 }}
{{- fail "api.retention.signals must be at least 35 days: signals are dropped by the month" }}
{{- end }}
{{- $api := .Values.api }}
{{- if and $api.ingress.enabled (not $api.ingress.host) }}
{{- fail "api.ingress.enabled needs api.ingress.host: without it the API would answer for every host name" }}
{{- end }}
{{- if and $api.httpRoute.enabled (not $api.httpRoute.gateway.name) }}
{{- fail "api.httpRoute.enabled needs api.httpRoute.gateway.name" }}
{{- end }}
{{- $screen := .Values.screen }}
{{- if and $screen.enabled $screen.ingress.enabled (not $screen.ingress.host) }}
{{- fail "screen.ingress.enabled needs screen.ingress.host: FreqUI needs a host name of its own" }}
{{- end }}
{{- if and $screen.enabled $screen.httpRoute.enabled (or (not $screen.httpRoute.gateway.name) (not $screen.httpRoute.hostnames)) }}
{{- fail "screen.httpRoute.enabled needs screen.httpRoute.gateway.name and screen.httpRoute.hostnames: FreqUI needs a host name of its own" }}
{{- end }}
{{- if and $screen.enabled (eq (int $screen.port) (int $screen.metricsPort)) }}
{{- fail "screen.port and screen.metricsPort must differ: figures are not for browsers" }}
{{- end }}
{{- $scaled := $api.autoscaling }}
{{- if and $scaled.enabled (gt (int $scaled.minReplicas) (int $scaled.maxReplicas)) }}
{{- fail "api.autoscaling.minReplicas must not be above api.autoscaling.maxReplicas" }}
{{- end }}
{{- $fewest := ternary $scaled.minReplicas $api.replicas $scaled.enabled | int }}
{{- $kept := $api.podDisruptionBudget.minAvailable }}
{{- if and $api.podDisruptionBudget.enabled (gt $fewest 1) (not (kindIs "string" $kept)) (ge (int $kept) $fewest) }}
{{- fail (printf "api.podDisruptionBudget.minAvailable must be below the number of pods, %d: no node could be drained" $fewest) }}
{{- end }}
{{- end -}}
