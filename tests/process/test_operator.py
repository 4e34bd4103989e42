"""`weir operator` beside an API server on loopback: its certificate, the webhook, what it says of pods that asked in vain."""
import base64, os, ssl, sys, unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import *
from kubernetes import KubeApi

INSTRUMENTATIONS = "/apis/opentelemetry.io/v1alpha1/instrumentations"
COLLECTORS = "/apis/opentelemetry.io/v1beta1/opentelemetrycollectors"


class Operator(unittest.TestCase):
    def setUp(self):
        self.api, self.port, self.health = KubeApi(), free_port(), free_port()
        self.addCleanup(self.api.close)
        self.folder = tempfile.TemporaryDirectory(prefix="weir-test-")
        self.addCleanup(self.folder.cleanup)
        self.api.put(INSTRUMENTATIONS, "mine", "shop", spec={"exporter": {"endpoint": "http://otel:4317"}, "python": {"image": "agent:1"}})
        self.api.put("/api/v1/namespaces", "shop")

    def start(self):
        path, log = os.path.join(self.folder.name, "kubeconfig"), os.path.join(self.folder.name, "log")
        with open(path, "w") as f:
            f.write(self.api.kubeconfig())
        with open(log, "wb") as out:
            process = subprocess.Popen([binary(), "operator", "--kubeconfig", path, "--listen", "127.0.0.1:%d" % self.port, "--health", "127.0.0.1:%d" % self.health,
                                        "--webhook-url", "https://127.0.0.1:%d" % self.port], stdout=out, stderr=out)
        self.addCleanup(process.wait)
        self.addCleanup(lambda: process.poll() is None and process.kill())
        wait_for(lambda: connectable(self.health) and get(self.health, "/readyz")[0] == 200 and connectable(self.port), what="the operator")
        return process

    def ask(self, path, thing):
        """Sends a review as the API server would: with the CA that it was told of. Returns the response."""
        configuration = [body for method, where, body in self.api.written if "mutatingwebhookconfigurations" in where][-1]
        ca = base64.b64decode(configuration["webhooks"][0]["clientConfig"]["caBundle"]).decode()
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=10, context=ssl.create_default_context(cadata=ca))
        with contextlib.closing(connection):
            connection.request("POST", path, json.dumps({"request": {"uid": "u", "namespace": "shop", "object": thing}}), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            self.assertEqual(answer.status, 200)
            return json.loads(answer.read())["response"]

    def pod(self, **annotations):
        return {"metadata": {"generateName": "web-", "annotations": {"instrumentation.opentelemetry.io/" + k.replace("_", "-"): v for k, v in annotations.items()}},
                "spec": {"containers": [{"name": "app", "image": "reg/app:1"}]}}

    def test_pods_are_instrumented(self):
        process = self.start()
        self.assertIn("weir-operator-webhook", self.api.secrets)
        response = self.ask("/mutate-v1-pod", self.pod(inject_python="mine"))
        patch = json.loads(base64.b64decode(response["patch"]))
        self.assertTrue(response["allowed"])
        self.assertEqual(response["uid"], "u")
        added = {step["path"]: step["value"] for step in patch}
        self.assertEqual(added["/spec/initContainers"][0]["image"], "agent:1")
        names = [env["name"] for env in added["/spec/containers"][0]["env"]]
        self.assertEqual(names[-1], "OTEL_RESOURCE_ATTRIBUTES")
        self.assertIn("PYTHONPATH", names)
        self.assertNotIn("patch", self.ask("/mutate-v1-pod", self.pod()))

        refused = self.ask("/mutate-v1-pod", self.pod(inject_java="other"))
        self.assertTrue(refused["allowed"])
        self.assertIn("shop/other does not exist", refused["warnings"][0])
        wait_for(lambda: [b for _, where, b in self.api.written if where.endswith("/namespaces/shop/events")], what="an event")
        text = get(self.health, "/metrics")[1]
        self.assertIn('weir_operator_pods{result="injected",namespace="shop"} 1', text)
        self.assertIn('weir_operator_pods{result="refused",namespace="shop"} 1', text)

        self.api.put(INSTRUMENTATIONS, "other", "shop", spec={"java": {"image": "j:1"}})
        wait_for(lambda: "patch" in self.ask("/mutate-v1-pod", self.pod(inject_java="other")), what="the new Instrumentation")

        defaults = self.ask("/mutate-opentelemetry-io-v1alpha1-instrumentation", {"metadata": {"name": "n"}, "spec": {"sampler": {"type": "always_on"}}})
        self.assertTrue(defaults["allowed"])
        self.assertIn("patch", defaults)
        wrong = self.ask("/mutate-opentelemetry-io-v1alpha1-instrumentation", {"metadata": {"name": "n"}, "spec": {"sampler": {"type": "odd"}}})
        self.assertFalse(wrong["allowed"])
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(10), 0)

    def test_what_nobody_has_told_yet_is_asked_for(self):
        self.api.put(INSTRUMENTATIONS, "safe", "shop", spec={"exporter": {"endpoint": "https://otel:4317", "tls": {"secretName": "certificates"}}})
        self.start()
        pod = self.pod(inject_sdk="safe")
        pod["metadata"]["ownerReferences"] = [{"kind": "ReplicaSet", "name": "web-5d4f", "uid": "rs", "controller": True}]
        refused = self.ask("/mutate-v1-pod", pod)
        self.assertNotIn("patch", refused)
        self.assertIn("secret shop/certificates with certificates does not exist", refused["warnings"][0])
        pod["metadata"]["annotations"] = {"instrumentation.opentelemetry.io/inject-sdk": "mine"}
        # Made a moment ago: no watch has told of it.
        self.api.objects["/apis/apps/v1/replicasets"] = {("shop", "web-77"): {"metadata": {"name": "web-77", "namespace": "shop", "ownerReferences": [{"kind": "Deployment", "name": "web", "uid": "d"}]}}}
        pod["metadata"]["ownerReferences"][0]["name"] = "web-77"
        added = {step["path"]: step["value"] for step in json.loads(base64.b64decode(self.ask("/mutate-v1-pod", pod)["patch"]))}
        self.assertIn({"name": "OTEL_SERVICE_NAME", "value": "web"}, added["/spec/containers/0/env"] if "/spec/containers/0/env" in added else added["/spec/containers"][0]["env"])

    def test_collectors_are_applied(self):
        config = {"receivers": {"otlp": {"protocols": {"grpc": None}}}, "exporters": {"nop": None}, "service": {"pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["nop"]}}}}
        self.api.put(COLLECTORS, "main", "shop", spec={"mode": "deployment", "config": config})
        self.api.put(COLLECTORS, "side", "shop", spec={"mode": "sidecar", "config": config})
        self.start()
        wait_for(lambda: [path for method, path, _ in self.api.written if path.endswith("/deployments/main-collector")], what="the deployment")
        deployment = [body for _, path, body in self.api.written if path.endswith("/deployments/main-collector")][-1]
        self.assertEqual(deployment["spec"]["template"]["spec"]["containers"][0]["ports"][0]["containerPort"], 4317)
        wait_for(lambda: [path for _, path, _ in self.api.written if path.endswith("/opentelemetrycollectors/main/status")], what="the status")
        pod = self.pod()
        pod["metadata"]["annotations"] = {"sidecar.opentelemetry.io/inject": "true"}
        patch = json.loads(base64.b64decode(self.ask("/mutate-v1-pod", pod)["patch"]))
        self.assertEqual({step["path"]: step["value"] for step in patch}["/spec/initContainers"][0]["name"], "otc-container")
        kind = "/mutate-opentelemetry-io-v1beta1-opentelemetrycollector"
        self.assertFalse(self.ask(kind, {"metadata": {"name": "n"}, "spec": {"mode": "sidecar", "config": config, "tolerations": [{}]}})["allowed"])
        filled = self.ask(kind, {"metadata": {"name": "n"}, "spec": {"config": config}})
        self.assertTrue(filled["allowed"])
        self.assertIn("replicas", base64.b64decode(filled["patch"]).decode())

    def test_status(self):
        asking = {"instrumentation.opentelemetry.io/inject-python": "mine"}
        self.api.put("/api/v1/pods", "old", "shop", metadata={"annotations": asking}, spec={"containers": [{"name": "app"}]})
        path = os.path.join(self.folder.name, "kubeconfig")
        with open(path, "w") as f:
            f.write(self.api.kubeconfig())
        done = subprocess.run([binary(), "operator", "status", "--kubeconfig", path], capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("1 Instrumentations\n  shop/mine  http://otel:4317", done.stdout)
        self.api.token = "made"
        with open(path, "w") as f:
            made = json.loads(self.api.kubeconfig())
            made["users"][0]["user"] = {"exec": {"command": "sh", "args": ["-c", "echo '{\"status\": {\"token\": \"made\"}}'"]}}
            json.dump(made, f)
        again = subprocess.run([binary(), "operator", "status", "--kubeconfig", path], capture_output=True, text=True, timeout=30)
        self.assertEqual(again.stdout, done.stdout, again.stderr)
        self.assertIn("1 pods ask for instrumentation, 0 have it\n  shop/old: asks for python", done.stdout)

    def test_without_a_cluster_it_says_so(self):
        done = subprocess.run([binary(), "operator"], capture_output=True, text=True, env={**os.environ, "KUBERNETES_SERVICE_HOST": ""}, timeout=20)
        self.assertEqual(done.returncode, 1)
        self.assertIn("KUBERNETES_SERVICE_HOST", done.stderr)


if __name__ == "__main__":
    unittest.main()
