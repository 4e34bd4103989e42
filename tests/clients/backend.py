"""A weir that takes OTLP and keeps what real clients send in files, and views of these files."""
import os, sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import *

CONFIG = """
receivers:
  otlp:
    protocols:
      grpc: {endpoint: "127.0.0.1:%d"}
      http: {endpoint: "127.0.0.1:%d"}
exporters:
  file/traces: {path: traces}
  file/metrics: {path: metrics}
  file/logs: {path: logs}
service:
  telemetry: {metrics: {level: none}}
  pipelines:
    traces: {receivers: [otlp], exporters: [file/traces]}
    metrics: {receivers: [otlp], exporters: [file/metrics]}
    logs: {receivers: [otlp], exporters: [file/logs]}
"""


def plain(value):
    """An OTLP JSON AnyValue as a Python value."""
    if "arrayValue" in value:
        return [plain(v) for v in value["arrayValue"].get("values", [])]
    if "kvlistValue" in value:
        return attributes({"attributes": value["kvlistValue"].get("values", [])})
    if "intValue" in value:
        return int(value["intValue"])
    return next(iter(value.values()), None)


def attributes(node):
    return {pair["key"]: plain(pair["value"]) for pair in node.get("attributes", [])}


class Backend(Weir):
    def __init__(self):
        self.grpc, self.http = free_port(), free_port()
        super().__init__(CONFIG % (self.grpc, self.http), ready=[self.grpc, self.http])

    def endpoint(self, protocol):
        return "http://127.0.0.1:%d" % (self.grpc if protocol == "grpc" else self.http)

    def _items(self, name, groups, scopes, items):
        """(resource attributes, scope name, item) of every complete line so far."""
        with open(os.path.join(self.folder.name, name)) as f:
            lines = [line for line in f if line.endswith("\n")]
        return [(attributes(group.get("resource", {})), scope.get("scope", {}).get("name", ""), item)
                for line in lines for group in json.loads(line).get(groups, [])
                for scope in group.get(scopes, []) for item in scope.get(items, [])]

    def spans(self):
        return self._items("traces", "resourceSpans", "scopeSpans", "spans")

    def metrics(self):
        return self._items("metrics", "resourceMetrics", "scopeMetrics", "metrics")

    def logs(self):
        return self._items("logs", "resourceLogs", "scopeLogs", "logRecords")
