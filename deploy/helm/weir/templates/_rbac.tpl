{{/* What the configuration reads from the API server: {"group/resource": true}, and "nodes/stats" for the kubelet. */}}
{{- define "weir.resources" -}}
{{- $config := include "weir.config" . | fromYaml -}}
{{- $read := dict -}}
{{- range $id, $settings := $config.processors | default dict -}}
{{- $type := first (splitList "/" $id) -}}
{{- if has $type (list "k8sattributes" "k8s_attributes") -}}
{{- include "weir.read.attributes" (dict "settings" ($settings | default dict) "read" $read) -}}
{{- else if and (eq $type "resourcedetection") (has "k8snode" (($settings | default dict).detectors | default list)) -}}
{{- $_ := set $read "/nodes" true -}}
{{- end -}}
{{- end -}}
{{- range $id, $settings := $config.receivers | default dict -}}
{{- $type := first (splitList "/" $id) -}}
{{- $settings = $settings | default dict -}}
{{- if eq $type "k8s_events" }}{{ $_ := set $read "/events" true }}{{ end -}}
{{- if eq $type "kubeletstats" -}}
{{- $_ := set $read "/nodes/stats" true -}}
{{- if $settings.k8s_api_config }}{{ $_ := set $read "/nodes" true }}{{ end -}}
{{- if or $settings.extra_metadata_labels $settings.metrics }}{{ $_ := set $read "/nodes/pods" true }}{{ end -}}
{{- end -}}
{{- if eq $type "k8sobjects" -}}
{{- range $settings.objects }}{{ $_ := set $read (printf "%s/%s" (.group | default "") .name) true }}{{ end -}}
{{- end -}}
{{- if eq $type "k8s_cluster" -}}
{{- range list "/events" "/namespaces" "/nodes" "/pods" "/replicationcontrollers" "/resourcequotas" "/services" "apps/daemonsets" "apps/deployments" "apps/replicasets" "apps/statefulsets" "batch/jobs" "batch/cronjobs" "autoscaling/horizontalpodautoscalers" }}{{ $_ := set $read . true }}{{ end -}}
{{- end -}}
{{- if eq $type "prometheus" -}}
{{- range (($settings.config | default dict).scrape_configs | default list) -}}
{{- range .kubernetes_sd_configs | default list -}}
{{- include "weir.read.discovery" (dict "settings" . "read" $read) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $id, $settings := $config.exporters | default dict -}}
{{- if and (eq (first (splitList "/" $id)) "loadbalancing") (hasKey (($settings | default dict).resolver | default dict) "k8s") -}}
{{- $_ := set $read "discovery.k8s.io/endpointslices" true -}}
{{- end -}}
{{- end -}}
{{- toYaml $read -}}
{{- end -}}

{{- define "weir.read.attributes" -}}
{{- $read := .read -}}
{{- if not .settings.passthrough -}}
{{- $_ := set $read "/pods" true -}}
{{- $extract := .settings.extract | default dict -}}
{{- $metadata := $extract.metadata | default list -}}
{{- if has "k8s.cluster.uid" $metadata }}{{ $_ := set $read "/namespaces" true }}{{ end -}}
{{- if has "k8s.node.uid" $metadata }}{{ $_ := set $read "/nodes" true }}{{ end -}}
{{- if or (has "k8s.deployment.uid" $metadata) (and (has "k8s.deployment.name" $metadata) (eq (toString $extract.deployment_name_from_replicaset) "false")) }}{{ $_ := set $read "apps/replicasets" true }}{{ end -}}
{{- if has "k8s.cronjob.uid" $metadata }}{{ $_ := set $read "batch/jobs" true }}{{ end -}}
{{- $kinds := dict "namespace" "/namespaces" "node" "/nodes" "deployment" "apps/deployments" "statefulset" "apps/statefulsets" "daemonset" "apps/daemonsets" "job" "batch/jobs" -}}
{{- range concat ($extract.labels | default list) ($extract.annotations | default list) -}}
{{- if and .from (hasKey $kinds .from) }}{{ $_ := set $read (get $kinds .from) true }}{{ if eq .from "deployment" }}{{ $_ := set $read "apps/replicasets" true }}{{ end }}{{ end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "weir.read.discovery" -}}
{{- $read := .read -}}
{{- $roles := dict "pod" (list "/pods") "node" (list "/nodes") "service" (list "/services") "endpoints" (list "/endpoints" "/services" "/pods") "endpointslice" (list "discovery.k8s.io/endpointslices" "/services" "/pods") "ingress" (list "networking.k8s.io/ingresses") -}}
{{- range get $roles .settings.role | default list }}{{ $_ := set $read . true }}{{ end -}}
{{- $attach := .settings.attach_metadata | default dict -}}
{{- if $attach.node }}{{ $_ := set $read "/nodes" true }}{{ end -}}
{{- if $attach.namespace }}{{ $_ := set $read "/namespaces" true }}{{ end -}}
{{- end -}}

{{/* Rules of the ClusterRole: one for each resource, then the user's. */}}
{{- define "weir.rules" -}}
{{- range $key, $_ := include "weir.resources" . | fromYaml }}
{{- $parts := splitn "/" 2 $key }}
- apiGroups: [{{ $parts._0 | quote }}]
  resources: [{{ $parts._1 | quote }}]
  verbs: [{{ if contains "/" $parts._1 }}get{{ else }}get, list, watch{{ end }}]
{{- end }}
{{- with .Values.clusterRole.rules }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* "true" when there is a ClusterRole. */}}
{{- define "weir.hasRole" -}}
{{- $wanted := .Values.clusterRole.create -}}
{{- if kindIs "invalid" $wanted }}{{ $wanted = ne (include "weir.rules" . | trim) "" }}{{ end -}}
{{- if $wanted }}true{{ end -}}
{{- end -}}
