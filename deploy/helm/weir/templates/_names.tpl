{{- define "weir.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "weir.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "weir.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride -}}
{{- end -}}

{{- define "weir.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "weir.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* Names the pods; never changes while a release lives. */}}
{{- define "weir.selector" -}}
app.kubernetes.io/name: {{ include "weir.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
component: {{ if eq .Values.mode "daemonset" }}agent-collector{{ else if eq .Values.mode "statefulset" }}statefulset-collector{{ else }}standalone-collector{{ end }}
{{- end -}}

{{- define "weir.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{ include "weir.selector" . }}
{{- with .Values.additionalLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "weir.meta" -}}
name: {{ include "weir.fullname" . }}
namespace: {{ include "weir.namespace" . }}
labels:
  {{- include "weir.labels" . | nindent 2 }}
{{- end -}}

{{- define "weir.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}

{{- define "weir.configMap" -}}
{{- default (include "weir.fullname" .) .Values.configMap.existingName -}}
{{- end -}}

{{/* "true" when files of the node are read, which only root may. */}}
{{- define "weir.readsNode" -}}
{{- if or .Values.presets.logsCollection.enabled .Values.presets.hostMetrics.enabled }}true{{ end -}}
{{- end -}}

{{/* "true" when there is a Service. */}}
{{- define "weir.hasService" -}}
{{- $open := false -}}
{{- range .Values.ports }}{{ if .enabled }}{{ $open = true }}{{ end }}{{ end -}}
{{- $wanted := .Values.service.enabled -}}
{{- if kindIs "invalid" $wanted }}{{ $wanted = ne .Values.mode "daemonset" }}{{ end -}}
{{- if and $wanted $open }}true{{ end -}}
{{- end -}}
