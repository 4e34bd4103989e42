{{/* The pod template of all modes. */}}
{{- define "weir.pod" -}}
metadata:
  labels:
    {{- include "weir.selector" . | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    checksum/config: {{ include "weir.config" . | sha256sum }}
    {{- with .Values.podAnnotations }}
    {{- tpl (toYaml .) $ | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "weir.serviceAccount" . }}
  {{- $token := .Values.serviceAccount.automountServiceAccountToken }}
  automountServiceAccountToken: {{ if kindIs "invalid" $token }}{{ eq (include "weir.hasRole" .) "true" }}{{ else }}{{ $token }}{{ end }}
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
  {{- range $key := list "imagePullSecrets" "nodeSelector" "tolerations" "affinity" "topologySpreadConstraints" "hostAliases" "dnsConfig" }}
  {{- with get $.Values $key }}
  {{ $key }}:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
  {{- range $key := list "dnsPolicy" "schedulerName" "priorityClassName" "runtimeClassName" }}
  {{- with get $.Values $key }}
  {{ $key }}: {{ . }}
  {{- end }}
  {{- end }}
  {{- if .Values.hostNetwork }}
  hostNetwork: true
  {{- end }}
  {{- if .Values.shareProcessNamespace }}
  shareProcessNamespace: true
  {{- end }}
  securityContext:
    {{- if .Values.podSecurityContext }}
    {{- toYaml .Values.podSecurityContext | nindent 4 }}
    {{- else if include "weir.readsNode" . }}
    seccompProfile: {type: RuntimeDefault}
    {{- else }}
    fsGroup: 65532
    seccompProfile: {type: RuntimeDefault}
    {{- end }}
  {{- with .Values.initContainers }}
  initContainers:
    {{- tpl (toYaml .) $ | nindent 4 }}
  {{- end }}
  containers:
    - name: {{ include "weir.name" . }}
      image: {{ include "weir.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      command: [{{ .Values.command.name | quote }}]
      args:
        - --config=/conf/relay.yaml
        {{- range .Values.command.extraArgs }}
        - {{ . | quote }}
        {{- end }}
      securityContext:
        {{- if .Values.securityContext }}
        {{- toYaml .Values.securityContext | nindent 8 }}
        {{- else }}
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        {{- if include "weir.readsNode" . }}
        runAsUser: 0
        runAsGroup: 0
        {{- else }}
        runAsNonRoot: true
        runAsUser: 65532
        {{- end }}
        capabilities:
          drop: [ALL]
          {{- if include "weir.readsNode" . }}
          add: [DAC_READ_SEARCH]
          {{- end }}
        {{- end }}
      ports:
        {{- range $name, $port := .Values.ports }}
        {{- if $port.enabled }}
        - name: {{ $name }}
          containerPort: {{ $port.containerPort }}
          protocol: {{ $port.protocol | default "TCP" }}
          {{- if and (eq $.Values.mode "daemonset") $port.hostPort }}
          hostPort: {{ $port.hostPort }}
          {{- end }}
        {{- end }}
        {{- end }}
      env:
        - {name: MY_POD_IP, valueFrom: {fieldRef: {apiVersion: v1, fieldPath: status.podIP}}}
        - {name: K8S_NODE_NAME, valueFrom: {fieldRef: {apiVersion: v1, fieldPath: spec.nodeName}}}
        {{- with .Values.extraEnvs }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with .Values.extraEnvsFrom }}
      envFrom:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- range $key := list "livenessProbe" "readinessProbe" "startupProbe" "resources" }}
      {{- with get $.Values $key }}
      {{ $key }}:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- end }}
      {{- with .Values.lifecycleHooks }}
      lifecycle:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      volumeMounts:
        - {name: config, mountPath: /conf, readOnly: true}
        {{- if .Values.persistence.enabled }}
        - {name: data, mountPath: {{ .Values.persistence.mountPath }}}
        {{- end }}
        {{- if .Values.presets.logsCollection.enabled }}
        - {name: varlogpods, mountPath: /var/log/pods, readOnly: true}
        - {name: varlibdockercontainers, mountPath: /var/lib/docker/containers, readOnly: true}
        {{- if .Values.presets.logsCollection.storeCheckpoints }}
        - {name: varlibotelcol, mountPath: /var/lib/otelcol}
        {{- end }}
        {{- end }}
        {{- if .Values.presets.hostMetrics.enabled }}
        - {name: hostfs, mountPath: /hostfs, readOnly: true, mountPropagation: HostToContainer}
        {{- end }}
        {{- with .Values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    {{- with .Values.extraContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  volumes:
    - name: config
      configMap:
        name: {{ include "weir.configMap" . }}
        items: [{key: relay, path: relay.yaml}]
    {{- if and .Values.persistence.enabled (eq .Values.mode "daemonset") }}
    - {name: data, hostPath: {path: {{ .Values.persistence.hostPath }}, type: DirectoryOrCreate}}
    {{- else if and .Values.persistence.enabled (eq .Values.mode "deployment") }}
    - {name: data, emptyDir: {}}
    {{- end }}
    {{- if .Values.presets.logsCollection.enabled }}
    - {name: varlogpods, hostPath: {path: /var/log/pods}}
    - {name: varlibdockercontainers, hostPath: {path: /var/lib/docker/containers}}
    {{- if .Values.presets.logsCollection.storeCheckpoints }}
    - {name: varlibotelcol, hostPath: {path: /var/lib/otelcol, type: DirectoryOrCreate}}
    {{- end }}
    {{- end }}
    {{- if .Values.presets.hostMetrics.enabled }}
    - {name: hostfs, hostPath: {path: /}}
    {{- end }}
    {{- with .Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}
