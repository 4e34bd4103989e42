"""k8sattributes of the real binary beside an API server on loopback."""
import os, sys, unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import *
from kubernetes import KubeApi

CONFIG = """
receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:%d"}}}}
processors:
  k8sattributes:
    auth_type: kubeConfig
    extract:
      metadata: [k8s.pod.name, k8s.pod.uid, k8s.namespace.name, k8s.node.name]
      labels: [{tag_name: zone, key: zone, from: node}]
    pod_association: [{sources: [{from: resource_attribute, name: k8s.pod.uid}]}, {sources: [{from: connection}]}]
    %s
exporters: {otlphttp: {endpoint: "http://127.0.0.1:%d", encoding: json, compression: none}}
service:
  telemetry: {metrics: {address: "127.0.0.1:%d"}}
  pipelines: {traces: {receivers: [otlp], processors: [k8sattributes], exporters: [otlphttp]}}
"""
PODS, NODES = "/api/v1/pods", "/api/v1/nodes"


def request(**attributes):
    return {"resourceSpans": [{"resource": {"attributes": [{"key": k.replace("_", "."), "value": {"stringValue": v}} for k, v in attributes.items()]},
                               "scopeSpans": [{"spans": [{"name": "a", "traceId": "0" * 31 + "1", "spanId": "0" * 15 + "1"}]}]}]}


class Kubernetes(unittest.TestCase):
    def setUp(self):
        self.sink, self.port, self.own = Sink(), free_port(), free_port()
        self.addCleanup(self.sink.close)

    def weir(self, api, settings="wait_for_metadata: false", **options):
        folder = tempfile.TemporaryDirectory(prefix="weir-test-")
        self.addCleanup(folder.cleanup)
        path = os.path.join(folder.name, "config")
        with open(path, "w") as f:
            f.write(api.kubeconfig())
        return Weir(CONFIG % (self.port, settings, self.sink.port, self.own), ready=[self.port], env={"KUBECONFIG": path}, **options)

    def ask(self, **attributes):
        """Attributes of the resource when it has come out."""
        before = len(self.sink.json())
        self.assertEqual(post(self.port, "/v1/traces", request(**attributes))[0], 200)
        wait_for(lambda: len(self.sink.json()) > before, what="the span")
        group = self.sink.json()[-1]["resourceSpans"][0]
        return {kv["key"]: kv["value"]["stringValue"] for kv in group.get("resource", {}).get("attributes", [])}

    def add_pod(self, api, name, ip):
        api.put(PODS, name, "shop", spec={"nodeName": "n1"}, status={"podIP": ip, "phase": "Running"})

    def test_what_is_known_follows_the_cluster(self):
        for streamed in (True, False):
            with self.subTest(streamed=streamed):
                api = KubeApi(token="secret", streamed_lists=streamed)
                self.addCleanup(api.close)
                self.add_pod(api, "one", "127.0.0.1")
                api.put(NODES, "n1", metadata={"labels": {"zone": "z1"}})
                with self.weir(api, "wait_for_metadata: true") as weir:
                    self.assertEqual(self.ask(), {"k8s.pod.ip": "127.0.0.1", "k8s.pod.name": "one", "k8s.pod.uid": "uid-of-one", "k8s.namespace.name": "shop",
                                                  "k8s.node.name": "n1", "zone": "z1", "k8s.node.uid": "uid-of-n1"})
                    self.add_pod(api, "two", "10.0.0.2")
                    wait_for(lambda: self.ask(k8s_pod_uid="uid-of-two").get("k8s.pod.name") == "two", what="the new pod")
                    api.cut()
                    api.put(NODES, "n1", metadata={"labels": {"zone": "z2"}})
                    wait_for(lambda: self.ask(k8s_pod_uid="uid-of-two").get("zone") == "z2", what="the new zone")
                    text = get(self.own, "/metrics")[1]
                    self.assertIn('weir_kubernetes_objects{resource="pods"', text)
                    self.assertIn("otelcol_otelsvc_k8s_pod_added", text)
                    self.assertEqual(weir.stop(), 0)

    def test_without_an_api_server_data_passes(self):
        api = KubeApi()
        api.close()
        with self.weir(api) as weir:
            self.assertEqual(self.ask(team="x"), {"team": "x", "k8s.pod.ip": "127.0.0.1"})
            wait_for(lambda: "Kubernetes API: a watch failed" in weir.output(), what="a line that says so")
            self.assertEqual(weir.stop(), 0)

    def test_throttling_and_errors_are_survived(self):
        api = KubeApi()
        self.addCleanup(api.close)
        refused = iter([429, 500, 429])
        api.refuse = lambda path, query: next(refused, None)
        self.add_pod(api, "one", "127.0.0.1")
        with self.weir(api) as weir:
            wait_for(lambda: self.ask().get("k8s.pod.name") == "one", what="the pod")
            self.assertEqual(weir.stop(), 0)

    def test_events_and_objects_are_log_records(self):
        api = KubeApi()
        self.addCleanup(api.close)
        self.add_pod(api, "one", "10.0.0.1")
        config = """
receivers:
  k8s_events: {auth_type: kubeConfig}
  k8sobjects:
    auth_type: kubeConfig
    objects: [{name: pods, mode: watch, exclude_watch_type: [MODIFIED]}, {name: nodes, mode: pull}]
exporters: {otlphttp: {endpoint: "http://127.0.0.1:%d", encoding: json, compression: none}}
service:
  telemetry: {metrics: {address: "127.0.0.1:%d"}}
  pipelines: {logs: {receivers: [k8s_events, k8sobjects], exporters: [otlphttp]}}
""" % (self.sink.port, self.own)
        path = os.path.join(tempfile.mkdtemp(prefix="weir-test-"), "config")
        with open(path, "w") as f:
            f.write(api.kubeconfig())
        api.put(NODES, "n1")
        records = lambda: [(r, g["resource"]) for request in self.sink.json() for g in request["resourceLogs"] for s in g["scopeLogs"] for r in s["logRecords"]]
        attribute = lambda record, key: next((kv["value"].get("stringValue") for kv in record["attributes"] if kv["key"] == key), None)
        with Weir(config, ready=[self.own], env={"KUBECONFIG": path}) as weir:
            wait_for(lambda: len(api.watches) == 3, what="three watches")
            wait_for(lambda: 'weir_kubernetes_lists{resource="pods"' in get(self.own, "/metrics")[1] and any(attribute(r, "k8s.resource.name") == "nodes" for r, _ in records()),
                     what="the node, and the pods are known")
            self.add_pod(api, "two", "10.0.0.2")
            api.remove(PODS, "one", "shop")
            now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            api.put("/api/v1/events", "e1", "shop", involvedObject={"kind": "Pod", "name": "two"}, message="Started", type="Normal", lastTimestamp=now)
            wait_for(lambda: len(records()) >= 4, what="four records")
            names = sorted((attribute(r, "event.name") or attribute(r, "k8s.event.name") or attribute(r, "k8s.resource.name")) for r, _ in records())
            self.assertEqual(names, ["e1", "nodes", "one", "two"])
            self.assertEqual(weir.stop(), 0)

    def test_outside_of_a_cluster_it_says_what_is_missing(self):
        config = CONFIG.replace("auth_type: kubeConfig", "auth_type: serviceAccount") % (self.port, "passthrough: false", self.sink.port, self.own)
        with self.assertRaises(AssertionError) as caught:
            with Weir(config, ready=[self.port], env={"KUBERNETES_SERVICE_HOST": ""}):
                pass
        self.assertIn("KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined", str(caught.exception))


if __name__ == "__main__":
    unittest.main()
