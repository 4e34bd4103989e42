{{/* The configuration with what the presets add, as YAML. What is written in `config` wins. */}}
{{- define "weir.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- if .Values.alternateConfig }}{{ $config = deepCopy .Values.alternateConfig }}{{ end -}}
{{- $presets := .Values.presets -}}
{{- if $presets.logsCollection.enabled }}{{ $config = include "weir.add" (dict "config" $config "with" (include "weir.logs" . | fromYaml) "receiver" "filelog" "pipeline" "logs") | fromYaml }}{{ end -}}
{{- if $presets.hostMetrics.enabled }}{{ $config = include "weir.add" (dict "config" $config "with" (include "weir.hostMetrics" . | fromYaml) "receiver" "hostmetrics" "pipeline" "metrics") | fromYaml }}{{ end -}}
{{- if $presets.kubeletMetrics.enabled }}{{ $config = include "weir.add" (dict "config" $config "with" (include "weir.kubeletMetrics" . | fromYaml) "receiver" "kubeletstats" "pipeline" "metrics") | fromYaml }}{{ end -}}
{{- if $presets.kubernetesEvents.enabled }}{{ $config = include "weir.add" (dict "config" $config "with" (include "weir.events" . | fromYaml) "receiver" "k8sobjects" "pipeline" "logs") | fromYaml }}{{ end -}}
{{- if $presets.clusterMetrics.enabled }}{{ $config = include "weir.add" (dict "config" $config "with" (include "weir.clusterMetrics" . | fromYaml) "receiver" "k8s_cluster" "pipeline" "metrics") | fromYaml }}{{ end -}}
{{- if $presets.kubernetesAttributes.enabled -}}
{{- $config = mustMerge $config (include "weir.attributes" . | fromYaml) -}}
{{- range $name, $pipeline := $config.service.pipelines -}}
{{- $processors := $pipeline.processors | default list -}}
{{- if not (has "k8sattributes" $processors) -}}
{{- if eq (first $processors | default "") "memory_limiter" -}}
{{- $_ := set $pipeline "processors" (concat (list "memory_limiter" "k8sattributes") (rest $processors)) -}}
{{- else -}}
{{- $_ := set $pipeline "processors" (prepend $processors "k8sattributes") -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{/* config, and settings that it does not have yet; the receiver joins the pipeline if that is there. */}}
{{- define "weir.add" -}}
{{- $config := mustMerge .config .with -}}
{{- $pipeline := get $config.service.pipelines .pipeline -}}
{{- if $pipeline -}}
{{- $_ := set $pipeline "receivers" (append ($pipeline.receivers | default list) .receiver | uniq) -}}
{{- end -}}
{{- if and (eq .receiver "filelog") (get ($config.extensions | default dict) "file_storage") -}}
{{- $_ := set $config.service "extensions" (append ($config.service.extensions | default list) "file_storage" | uniq) -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{- define "weir.logs" -}}
{{- $logs := .Values.presets.logsCollection -}}
{{- if $logs.storeCheckpoints }}
extensions:
  file_storage:
    directory: /var/lib/otelcol
{{- end }}
receivers:
  filelog:
    include: [/var/log/pods/*/*/*.log]
    {{- if $logs.includeCollectorLogs }}
    exclude: []
    {{- else }}
    exclude: [/var/log/pods/{{ include "weir.namespace" . }}_{{ include "weir.fullname" . }}*_*/{{ include "weir.name" . }}/*.log]
    {{- end }}
    start_at: end
    retry_on_failure: {enabled: true}
    {{- if $logs.storeCheckpoints }}
    storage: file_storage
    {{- end }}
    include_file_path: true
    include_file_name: false
    operators:
      - {type: container, id: container-parser, max_log_size: {{ $logs.maxRecombineLogSize | int64 }}}
{{- end -}}

{{- define "weir.hostMetrics" -}}
receivers:
  hostmetrics:
    root_path: /hostfs
    collection_interval: 10s
    scrapers:
      cpu: {}
      load: {}
      memory: {}
      disk: {}
      filesystem:
        exclude_mount_points: {mount_points: [/dev/*, /proc/*, /sys/*, /run/k3s/containerd/*, /var/lib/docker/*, /var/lib/kubelet/*, /snap/*], match_type: regexp}
        exclude_fs_types:
          match_type: strict
          fs_types: [autofs, binfmt_misc, bpf, cgroup2, configfs, debugfs, devpts, devtmpfs, fusectl, hugetlbfs, iso9660, mqueue, nsfs, overlay, proc, procfs, pstore, rpc_pipefs, securityfs, selinuxfs, squashfs, sysfs, tracefs]
      network: {}
{{- end -}}

{{- define "weir.kubeletMetrics" -}}
receivers:
  kubeletstats:
    collection_interval: 20s
    auth_type: serviceAccount
    endpoint: ${env:K8S_NODE_NAME}:10250
{{- end -}}

{{- define "weir.events" -}}
receivers:
  k8sobjects:
    objects:
      - {name: events, mode: watch, group: events.k8s.io, exclude_watch_type: [DELETED]}
{{- end -}}

{{- define "weir.clusterMetrics" -}}
receivers:
  k8s_cluster:
    collection_interval: 10s
{{- end -}}

{{- define "weir.attributes" -}}
processors:
  k8sattributes:
    {{- if eq .Values.mode "daemonset" }}
    filter: {node_from_env_var: K8S_NODE_NAME}
    {{- end }}
    passthrough: false
    pod_association:
      - sources: [{from: resource_attribute, name: k8s.pod.ip}]
      - sources: [{from: resource_attribute, name: k8s.pod.uid}]
      - sources: [{from: connection}]
    extract:
      metadata: [k8s.namespace.name, k8s.deployment.name, k8s.statefulset.name, k8s.daemonset.name, k8s.cronjob.name, k8s.job.name, k8s.node.name, k8s.pod.name, k8s.pod.uid, k8s.pod.start_time]
      {{- if .Values.presets.kubernetesAttributes.extractAllPodLabels }}
      labels: [{tag_name: $$1, key_regex: (.*), from: pod}]
      {{- end }}
      {{- if .Values.presets.kubernetesAttributes.extractAllPodAnnotations }}
      annotations: [{tag_name: $$1, key_regex: (.*), from: pod}]
      {{- end }}
{{- end -}}
