"""The chart in deploy/helm: what comes of values, that weir takes the configuration, and that an API server takes the manifests."""
import os, sys, unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from cluster import *

CHART = os.path.join(ROOT, "deploy", "helm", "weir")
AGENT = ["/nodes/stats", "/pods"]


def example(name):
    return os.path.join(CHART, "examples", name + ".yaml")


# values (or an example), what the ClusterRole may read, what stands in the manifests, what does not.
CASES = {
    "default": ({}, [], ["kind: Deployment", "replicas: 1", "kind: Service", "automountServiceAccountToken: false", "path: /", "readOnlyRootFilesystem: true"], ["kind: ClusterRole", "PodDisruptionBudget"]),
    "agent": (example("agent"), AGENT, ["kind: DaemonSet", "hostPort: 4317", "mountPath: /hostfs", "path: /var/log/pods", "DAC_READ_SEARCH", "K8S_NODE_NAME"], ["kind: Service\n", "replicas:"]),
    "gateway": (example("gateway"), [], ["replicas: 3", "kind: PodDisruptionBudget", "maxUnavailable: 1", "kind: ServiceMonitor", "name: metrics"], ["jaeger", "zipkin"]),
    "stateful": (example("stateful"), [], ["kind: StatefulSet", "volumeClaimTemplates:", "storage: 20Gi", "serviceName: t-weir-headless", "clusterIP: None", "podManagementPolicy: Parallel"], ["emptyDir"]),
    "single": (example("single"), ["/events", "/namespaces", "/nodes", "/pods", "/replicationcontrollers", "/resourcequotas", "/services", "apps/daemonsets", "apps/deployments", "apps/replicasets", "apps/statefulsets",
                                   "autoscaling/horizontalpodautoscalers", "batch/cronjobs", "batch/jobs", "events.k8s.io/events"], ["type: Recreate", "emptyDir: {}", "mountPath: /var/lib/weir"], []),
    "attributes from nodes and namespaces": ({"config": {"processors": {"k8sattributes": {"extract": {"metadata": ["k8s.pod.name", "k8s.deployment.uid"], "labels": [{"from": "node", "key": "zone"}, {"from": "namespace", "key": "team"}]}}}}},
                                             ["/namespaces", "/nodes", "/pods", "apps/replicasets"], ["automountServiceAccountToken: true"], []),
    "passthrough": ({"config": {"processors": {"k8sattributes": {"passthrough": True}}}}, [], [], ["kind: ClusterRole"]),
    "discovery": ({"config": {"receivers": {"prometheus": {"config": {"scrape_configs": [{"job_name": "a", "kubernetes_sd_configs": [{"role": "endpointslice", "attach_metadata": {"node": True}}]}]}}}}},
                  ["/nodes", "/pods", "/services", "discovery.k8s.io/endpointslices"], [], []),
    "load balancing": ({"config": {"exporters": {"loadbalancing": {"protocol": {"otlp": {"tls": {"insecure": True}}}, "resolver": {"k8s": {"service": "back.otel"}}}}}}, ["discovery.k8s.io/endpointslices"], [], []),
    "autoscaling": ({"autoscaling": {"enabled": True, "maxReplicas": 4}}, [], ["kind: HorizontalPodAutoscaler", "maxReplicas: 4", "averageUtilization: 80"], ["replicas: 1"]),
    "network policy and ingress": ({"networkPolicy": {"enabled": True, "allowIngressFrom": [{"namespaceSelector": {}}]}, "ingress": {"enabled": True, "hosts": [{"host": "otel.test", "paths": [{"path": "/", "port": 4318}]}]}}, [],
                                   ["kind: NetworkPolicy", "kind: Ingress", "number: 4318", 'host: "otel.test"'], []),
    "the user's own": ({"clusterRole": {"rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]}, "serviceAccount": {"annotations": {"a": "b"}}, "extraEnvs": [{"name": "X", "value": "y"}], "podAnnotations": {"p": "q"},
                        "extraManifests": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "{{ .Release.Name }}-more"}}], "image": {"digest": "sha256:" + "0" * 64}, "resources": {"limits": {"memory": "1Gi"}},
                        "fullnameOverride": "collector", "namespaceOverride": "default"}, ["/secrets"], ["t-more", "name: X", "weir@sha256:0000", "memory: 1Gi", "name: collector"], []),
}


@unittest.skipIf(missing("helm"), missing("helm"))
class Chart(unittest.TestCase):
    def render(self, values, *more):
        arguments = ["--values", values] if isinstance(values, str) else []
        if not arguments:
            f = tempfile.NamedTemporaryFile("w", suffix=".json")
            self.addCleanup(f.close)
            json.dump(values, f)
            f.flush()
            arguments = ["--values", f.name]
        return subprocess.run([program("helm"), "template", "t", CHART, "--namespace", "default", "--kube-version", "1.30", *arguments, *more], capture_output=True, text=True, timeout=60)

    def text(self, values, *more):
        done = self.render(values, *more)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def configuration(self, values):
        lines = self.text(values, "--show-only", "templates/configmap.yaml").split("  relay: |\n", 1)[1].splitlines()
        return "\n".join(line[4:] for line in lines) + "\n"

    def test_cases(self):
        for name, (values, reads, there, absent) in CASES.items():
            with self.subTest(name):
                text = self.text(values)
                for part in there:
                    self.assertIn(part, text)
                for part in absent:
                    self.assertNotIn(part, text)
                rules = re.findall(r'apiGroups: *\["?([^"\]]*)"?\]\n +resources: *\["([^"]*)"\]', text) + re.findall(r'apiGroups:\n +- "?([^"\n]*)"?\n +resources:\n +- (\S+)', text)
                self.assertEqual(sorted("%s/%s" % rule for rule in rules), reads)

    def test_weir_takes_the_configuration(self):
        for name, (values, *_) in CASES.items():
            with self.subTest(name), tempfile.NamedTemporaryFile("w", suffix=".yaml") as f:
                f.write(self.configuration(values))
                f.flush()
                done = subprocess.run([binary(), "validate", "--config", f.name], capture_output=True, text=True, timeout=30, env={**os.environ, "MY_POD_IP": "127.0.0.1", "K8S_NODE_NAME": "n1"})
                self.assertEqual(done.returncode, 0, done.stderr)

    def test_what_cannot_be_is_refused(self):
        for values, said in (({"mode": "job"}, "mode must be"), ({"mode": "daemonset", "autoscaling": {"enabled": True}}, "autoscaling"), ({"serviceMonitor": {"enabled": True}}, "ports.metrics.enabled")):
            done = self.render(values)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(said, done.stderr)

    def test_presets_join_the_pipelines(self):
        text = self.configuration(example("agent"))
        self.assertRegex(text, r"(?s)receivers:.*filelog:.*hostmetrics:.*kubeletstats:")
        self.assertEqual(text.count("- k8sattributes"), 3)
        self.assertIn("node_from_env_var: K8S_NODE_NAME", text)

    @unittest.skipIf(missing("etcd", "kube-apiserver", "kubectl"), missing("etcd", "kube-apiserver", "kubectl"))
    def test_an_api_server_takes_the_manifests(self):
        cluster = Cluster()
        self.addCleanup(cluster.close)
        cluster.definition("monitoring.coreos.com", "v1", "ServiceMonitor", "servicemonitors")
        for name, (values, *_) in CASES.items():
            with self.subTest(name):
                done = subprocess.run([program("kubectl"), "--kubeconfig", cluster.path("kubeconfig"), "apply", "--server-side", "--dry-run=server", "--validate=strict", "-n", "default", "-f", "-"],
                                      input=self.text(values), capture_output=True, text=True, timeout=60, env={**os.environ, "HOME": cluster.folder.name})
                self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()
