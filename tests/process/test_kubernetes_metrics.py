"""The receivers kubeletstats and k8s_cluster with a kubelet and an API server on loopback."""
import os, sys, unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import *
from kubernetes import KubeApi

SUMMARY = {"node": {"nodeName": "n1", "cpu": {"usageNanoCores": 250000000}}, "pods": [{"podRef": {"name": "web", "namespace": "shop", "uid": "u1"}, "containers": [{"name": "main", "memory": {"usageBytes": 64}}]}]}
PODS = {"items": [{"metadata": {"uid": "u1"}, "spec": {"containers": [{"name": "main"}]}, "status": {"containerStatuses": [{"name": "main", "containerID": "containerd://abc"}]}}]}


class Kubelet(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_GET(self):
        body = json.dumps({"/stats/summary": SUMMARY, "/pods": PODS}.get(self.path, {})).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def points(sink):
    """{(metric, resource as a tuple of pairs): value} of everything that came."""
    out = {}
    with sink.lock:
        bodies = [json.loads(body) for _, _, body in sink.requests]
    for body in bodies:
        for group in body["resourceMetrics"]:
            resource = tuple(sorted((a["key"], a["value"]["stringValue"]) for a in group["resource"].get("attributes", [])))
            for metric in group["scopeMetrics"][0]["metrics"]:
                for point in metric[next(k for k in ("gauge", "sum") if k in metric)]["dataPoints"]:
                    out[metric["name"], resource] = point.get("asDouble", int(point.get("asInt", 0)))
    return out


class Metrics(unittest.TestCase):
    def setUp(self):
        self.sink = Sink()
        self.addCleanup(self.sink.close)

    def weir(self, receiver, **options):
        return Weir("""
receivers:
  %s
exporters:
  otlphttp: {endpoint: "http://127.0.0.1:%d", encoding: json, compression: none}
service:
  telemetry: {metrics: {level: none}}
  pipelines:
    metrics: {receivers: [%s], exporters: [otlphttp]}
""" % (receiver, self.sink.port, receiver.split(":")[0]), **options)

    def test_the_kubelet_is_asked(self):
        kubelet = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Kubelet)
        kubelet.daemon_threads = True
        threading.Thread(target=kubelet.serve_forever, daemon=True).start()
        self.addCleanup(kubelet.server_close)
        self.addCleanup(kubelet.shutdown)
        with self.weir('kubeletstats: {auth_type: none, endpoint: "127.0.0.1:%d", collection_interval: 200ms, initial_delay: 0s, extra_metadata_labels: [container.id]}' % kubelet.server_address[1]):
            wait_for(lambda: self.sink.requests, what="metrics")
        found = points(self.sink)
        self.assertEqual(found["k8s.node.cpu.usage", (("k8s.node.name", "n1"),)], 0.25)
        container = (("container.id", "abc"), ("k8s.container.name", "main"), ("k8s.namespace.name", "shop"), ("k8s.pod.name", "web"), ("k8s.pod.uid", "u1"))
        self.assertEqual(found["container.memory.usage", container], 64)

    def test_objects_of_the_cluster_are_counted(self):
        api = KubeApi()
        self.addCleanup(api.close)
        api.put("/apis/apps/v1/deployments", "web", "shop", spec={"replicas": 3}, status={"availableReplicas": 2})
        api.put("/api/v1/pods", "web-1", "shop", spec={"containers": [{"name": "main", "image": "app:1", "resources": {"limits": {"cpu": "500m"}}}]}, status={"phase": "Running"})
        folder = tempfile.TemporaryDirectory(prefix="weir-test-")
        self.addCleanup(folder.cleanup)
        path = os.path.join(folder.name, "kubeconfig")
        with open(path, "w") as f:
            f.write(api.kubeconfig())
        deployment = (("k8s.deployment.name", "web"), ("k8s.deployment.uid", "uid-of-web"), ("k8s.namespace.name", "shop"))
        with self.weir("k8s_cluster: {auth_type: kubeConfig, collection_interval: 200ms}", env={"KUBECONFIG": path}):
            wait_for(lambda: ("k8s.deployment.available", deployment) in points(self.sink), what="metrics")
            wait_for(lambda: any(name == "k8s.container.cpu_limit" for name, _ in points(self.sink)), what="metrics of the pod")
            api.put("/apis/apps/v1/deployments", "web", "shop", spec={"replicas": 3}, status={"availableReplicas": 3})
            wait_for(lambda: points(self.sink)["k8s.deployment.available", deployment] == 3, what="the change")
        self.assertEqual(points(self.sink)["k8s.deployment.desired", deployment], 3)


if __name__ == "__main__":
    unittest.main()
