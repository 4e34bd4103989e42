"""The exporter loadbalancing over real sockets: backends that come and go, and its own metrics."""
import os, sys, unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import *
from kubernetes import KubeApi

BACKEND = """
receivers: {otlp: {protocols: {grpc: {endpoint: "127.0.0.1:%d"}}}}
exporters: {otlphttp: {endpoint: "http://127.0.0.1:%d", encoding: json, compression: none}}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {traces: {receivers: [otlp], exporters: [otlphttp]}}
"""
FRONT = """
receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:%d"}}}}
exporters:
  load_balancing/a:
    protocol:
      otlp: {tls: {insecure: true}, retry_on_failure: {initial_interval: 100ms, max_interval: 200ms}}
    resolver: %s
service:
  telemetry: {metrics: {address: "127.0.0.1:%d"}}
  pipelines: {traces: {receivers: [otlp], exporters: [load_balancing/a]}}
"""


class LoadBalancing(unittest.TestCase):
    def setUp(self):
        self.sink, self.port, self.own = Sink(), free_port(), free_port()
        self.addCleanup(self.sink.close)

    def front(self, resolver):
        return Weir(FRONT % (self.port, resolver, self.own), ready=[self.port])

    def metrics(self, *needed):
        text = lambda: get(self.own, "/metrics")[1]
        return wait_for(lambda: (t := text()) and all(n in t for n in needed) and t, what=str(needed))

    def test_a_backend_that_starts_late_gets_what_waited(self):
        ports = [free_port(), free_port()]
        with Weir(BACKEND % (ports[0], self.sink.port), ready=[ports[0]]):
            with self.front("{static: {hostnames: ['127.0.0.1:%d', '127.0.0.1:%d']}}" % tuple(ports)) as front:
                self.assertEqual(post(self.port, "/v1/traces", traces(*range(200)))[0], 200)
                wait_for(lambda: self.sink.spans(), what="the share of the first backend")
                self.assertLess(len(self.sink.spans()), 200)
                with Weir(BACKEND % (ports[1], self.sink.port), ready=[ports[1]]):
                    wait_for(lambda: len(self.sink.spans()) == 200, what="all 200 spans")
                    text = self.metrics('otelcol_loadbalancer_num_backends{')
                    self.assertRegex(text, r'otelcol_loadbalancer_num_backends\{exporter="load_balancing/a",resolver="static"[^}]*\} 2\n')
                    self.assertRegex(text, r'otelcol_loadbalancer_backend_outcome\{[^}]*endpoint="127.0.0.1:%d"[^}]*success="true"[^}]*\} [1-9]' % ports[1])
                    self.assertRegex(text, r'otelcol_loadbalancer_backend_outcome\{[^}]*endpoint="127.0.0.1:%d"[^}]*success="false"[^}]*\} [1-9]' % ports[1])
                    self.assertEqual(front.stop(), 0)

    def test_backends_by_name(self):
        port = free_port()
        with Weir(BACKEND % (port, self.sink.port), ready=[port]):
            with self.front("{dns: {hostname: 127.0.0.1, port: '%d'}}" % port) as front:
                self.assertEqual(post(self.port, "/v1/traces", traces(*range(50)))[0], 200)
                wait_for(lambda: len(self.sink.spans()) == 50, what="all 50 spans")
                self.metrics('otelcol_loadbalancer_num_resolutions{exporter="load_balancing/a",resolver="dns",success="true"')
                self.assertEqual(front.stop(), 0)

    def test_a_name_without_addresses_is_refused_and_retryable(self):
        with self.front("{dns: {hostname: no-such-host.invalid, timeout: 2s}}"):
            status, headers, _ = post(self.port, "/v1/traces", traces(1))
            self.assertEqual(status, 503)

    def test_backends_of_a_kubernetes_service(self):
        api, ports = KubeApi(), [free_port(), free_port()]
        self.addCleanup(api.close)
        slices = "/apis/discovery.k8s.io/v1/namespaces/otel/endpointslices"
        api.put(slices, "c", "otel", endpoints=[{"addresses": ["127.0.0.1"]}])
        folder = tempfile.TemporaryDirectory(prefix="weir-test-")
        self.addCleanup(folder.cleanup)
        path = os.path.join(folder.name, "config")
        with open(path, "w") as f:
            f.write(api.kubeconfig())
        with Weir(BACKEND % (ports[0], self.sink.port), ready=[ports[0]]):
            with Weir(FRONT % (self.port, "{k8s: {service: collector, ports: [%d]}}" % ports[0], self.own), ready=[self.port],
                      env={"KUBECONFIG": path, "KUBERNETES_SERVICE_HOST": ""}) as front:
                self.assertEqual(post(self.port, "/v1/traces", traces(*range(50)))[0], 200)
                wait_for(lambda: len(self.sink.spans()) == 50, what="all 50 spans")
                self.metrics('otelcol_loadbalancer_num_backends{exporter="load_balancing/a",resolver="k8s"')
                self.assertEqual(front.stop(), 0)

    def test_kubernetes_outside_of_a_cluster_is_refused_at_start(self):
        with self.assertRaises(AssertionError) as caught:
            with Weir(FRONT % (self.port, "{k8s: {service: collector.otel}}", self.own), ready=[self.port], env={"KUBERNETES_SERVICE_HOST": "", "KUBECONFIG": ""}):
                pass
        self.assertIn("KUBERNETES_SERVICE_HOST", str(caught.exception))


if __name__ == "__main__":
    unittest.main()
