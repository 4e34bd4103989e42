"""The exporter loadbalancing in both programs: with every routing key, every item goes to the same backend."""
import os, sys, unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peer import *

BACKENDS = 5
KEYS = {
    "traces": ["traceID", "service", "attributes"],
    "metrics": ["service", "resource", "metric", "streamID", "attributes"],
    "logs": ["service", "traceID", "resource", "attributes"],
}
ATTRIBUTES = {
    "traces": ["service.name", "k.1", "span.kind", "span.name"],
    "metrics": ["service.name", "n", "k.1", "http.method"],
    "logs": ["service.name", "log.severity", "log.body"],
}


def backends(ports, sink):
    """One process with a receiver for each backend, which says in the path of its requests which one it is."""
    receivers = "".join('  otlp/%d: {protocols: {grpc: {endpoint: "127.0.0.1:%d"}}}\n' % pair for pair in enumerate(ports))
    exporters = "".join("  otlphttp/%d: {endpoint: 'http://127.0.0.1:%d/%d', encoding: json, compression: none}\n" % (i, sink, i) for i in range(len(ports)))
    pipelines = "".join("    %s/%d: {receivers: [otlp/%d], exporters: [otlphttp/%d]}\n" % (signal, i, i, i) for signal in KEYS for i in range(len(ports)))
    return "receivers:\n%sexporters:\n%sservice:\n  telemetry: {metrics: {level: none}}\n  pipelines:\n%s" % (receivers, exporters, pipelines)


def front(port, signal, key, ports):
    more = "    routing_attributes: [%s]\n" % ", ".join(ATTRIBUTES[signal]) if key == "attributes" else ""
    return """
receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:%d"}}}}
exporters:
  loadbalancing:
    routing_key: %s
%s    protocol: {otlp: {compression: none, tls: {insecure: true}}}
    resolver: {static: {hostnames: [%s]}}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {%s: {receivers: [otlp], exporters: [loadbalancing]}}
""" % (port, key, more, ", ".join("'127.0.0.1:%d'" % p for p in ports), signal)


@unittest.skipUnless(otelcol(), "no Go collector: set WEIR_OTELCOL or run tools/peer/build")
class LoadBalancing(unittest.TestCase):
    maxDiff = None

    def through(self, program, signal, key, ports, sink, requests):
        """What each backend got, as records."""
        with sink.lock:
            sink.requests.clear()
        port = free_port()
        with Collector(program, front(port, signal, key, ports), ready=[port]) as collector:
            for request in requests:
                self.assertEqual(post(port, "/v1/" + signal, request)[0], 200)
            self.assertEqual(collector.stop(), 0)
        wanted = len(records(requests))
        with_paths = lambda: [(path, json.loads(body)) for path, _, body in list(sink.requests)]
        wait_for(lambda: len(records([body for _, body in with_paths()])) >= wanted, what="%d records" % wanted)
        return [records([body for path, body in with_paths() if path.startswith("/%d/" % i)]) for i in range(len(ports))]

    def test_every_key_of_every_signal(self):
        with contextlib.closing(Sink()) as sink:
            ports = [free_port() for _ in range(BACKENDS)]
            with Collector(binary(), backends(ports, sink.port), ready=ports):
                for signal, keys in KEYS.items():
                    for key in keys:
                        with self.subTest(signal=signal, key=key):
                            telemetry = Telemetry(sum(map(ord, signal + key)))
                            requests = [self.routable(getattr(telemetry, signal)()) for _ in range(5)]
                            go = self.through(otelcol(), signal, key, ports, sink, requests)
                            weir = self.through(binary(), signal, key, ports, sink, requests)
                            self.assertGreater(sum(map(bool, go)), 1, "all went to one backend")
                            for i in range(BACKENDS):
                                self.assertEqual(difference(go[i], weir[i]), "", "backend %d" % i)

    @staticmethod
    def routable(request):
        """Every resource has a service. Without what the two treat differently: metrics without points, and their metadata and descriptions,
        which the Go exporter loses by some keys, and logs without trace id, which go to anybody."""
        groups = [group for name in ITEMS for group in request.get(name, [])]
        for i, group in enumerate(groups):
            resource = group.setdefault("resource", {})
            resource["attributes"] = [pair for pair in resource.get("attributes", []) if pair["key"] != "service.name"]
            resource["attributes"].append({"key": "service.name", "value": {"stringValue": "service-%d" % i}})
            for scope in group.get("scopeMetrics", []):
                scope["metrics"] = [m for m in scope.get("metrics", []) if any(m.get(kind, {}).get("dataPoints") for kind in KINDS)]
                for metric in scope["metrics"]:
                    metric.pop("metadata", None)
                    metric.pop("description", None)
            for scope in group.get("scopeLogs", []):
                scope["logRecords"] = [r for r in scope.get("logRecords", []) if r.get("traceId")]
        return request


if __name__ == "__main__":
    unittest.main()
