"""weir against a real API server: attributes of pods, admission of pods, monitors."""
import os, sys, unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from cluster import *

try:
    import yaml
except ImportError:
    yaml = None

WHY = missing("etcd", "kube-apiserver")


def span_of(ip):
    resource = {"attributes": [{"key": "k8s.pod.ip", "value": {"stringValue": ip}}]}
    span = {"traceId": "%032x" % 1, "spanId": "%016x" % 1, "name": ip, "startTimeUnixNano": "1", "endTimeUnixNano": "2"}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]}


@unittest.skipIf(WHY, WHY)
class RealApiServer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()

    @classmethod
    def tearDownClass(cls):
        cls.cluster.close()

    def test_attributes_of_pods_survive_a_restart_of_the_server(self):
        cluster, sink, port = self.cluster, Sink(), free_port()
        self.addCleanup(sink.close)
        cluster.namespace("shop", labels={"team": "blue"})
        for n in range(20):
            cluster.pod("shop", "web-%d" % n, "10.0.0.%d" % (n + 1), labels={"app": "web"})
        config = """
receivers:
  otlp: {protocols: {http: {endpoint: "127.0.0.1:%d"}}}
processors:
  k8sattributes:
    auth_type: kubeConfig
    wait_for_metadata: true
    extract:
      metadata: [k8s.pod.name, k8s.namespace.name, k8s.pod.uid, k8s.node.name]
      labels: [{from: pod, key: app, tag_name: app}, {from: namespace, key: team, tag_name: team}]
exporters:
  otlphttp: {endpoint: "http://127.0.0.1:%d", encoding: json, compression: none, sending_queue: {enabled: false}}
service:
  telemetry: {metrics: {level: none}}
  pipelines:
    traces: {receivers: [otlp], processors: [k8sattributes], exporters: [otlphttp]}
""" % (port, sink.port)

        def attributes(ip):
            with sink.lock:
                sink.requests.clear()
            post(port, "/v1/traces", span_of(ip))
            with sink.lock:
                resource = json.loads(sink.requests[0][2])["resourceSpans"][0]["resource"]
            return {a["key"]: a["value"]["stringValue"] for a in resource["attributes"]}

        with Weir(config, env={"KUBECONFIG": cluster.path("kubeconfig")}, ready=[port]):
            for n in range(20):
                uid = cluster.ask("GET", "/api/v1/namespaces/shop/pods/web-%d" % n)[1]["metadata"]["uid"]
                self.assertEqual(attributes("10.0.0.%d" % (n + 1)), {"k8s.pod.ip": "10.0.0.%d" % (n + 1), "k8s.pod.name": "web-%d" % n, "k8s.namespace.name": "shop", "k8s.pod.uid": uid, "k8s.node.name": "n1", "app": "web", "team": "blue"})
            cluster.stop()
            self.assertEqual(attributes("10.0.0.3")["k8s.pod.name"], "web-2")
            cluster.start()
            # The address goes to another pod.
            cluster.ask("DELETE", "/api/v1/namespaces/shop/pods/web-2?gracePeriodSeconds=0")
            cluster.pod("shop", "new", "10.0.0.3")
            wait_for(lambda: attributes("10.0.0.3").get("k8s.pod.name") == "new", 60, "the new pod")
            self.assertNotIn("app", attributes("10.0.0.3"))

    def test_a_front_as_a_pod(self):
        """The first layer of the old set-up in a pod: its own token, attributes of the pod that sends, renames, routing by service."""
        cluster, sink, grpc, port = self.cluster, Sink(), free_port(), free_port()
        self.addCleanup(sink.close)
        cluster.namespace("old")
        cluster.pod("old", "api-7c9d8f6b5-x2x4q", "10.7.0.1", labels={"app": "api", "team": "blue"})
        cluster.create("/api/v1/nodes", {"metadata": {"name": "n1", "labels": {"topology.kubernetes.io/zone": "z1"}}})
        account = cluster.path("account")
        os.mkdir(account)
        for name, text in (("token", cluster.token), ("namespace", "otel")):
            with open(os.path.join(account, name), "w") as f:
                f.write(text)
        os.symlink(cluster.path("ca.crt"), os.path.join(account, "ca.crt"))
        back = """
receivers:
  otlp: {protocols: {grpc: {endpoint: "127.0.0.1:%d"}}}
exporters:
  otlphttp: {endpoint: "http://127.0.0.1:%d", encoding: json, compression: none}
service:
  telemetry: {metrics: {level: none}}
  pipelines:
    traces: {receivers: [otlp], exporters: [otlphttp]}
""" % (grpc, sink.port)
        front = """
extensions:
  health_check: {endpoint: "127.0.0.1:%d"}
  memory_ballast: {size_in_percentage: 40, size_mib: 200}
processors:
  batch: {}
  memory_limiter: {check_interval: 5s, limit_mib: 512, spike_limit_mib: 100}
  k8sattributes:
    extract:
      labels:
        - {from: pod, key: team, tag_name: team}
        - {from: pod, key: app, tag_name: app}
        - {from: node, key: topology.kubernetes.io/zone, tag_name: zone}
      metadata: [k8s.namespace.name, k8s.deployment.name, k8s.node.name, k8s.pod.name, k8s.pod.uid, container.image.name, container.image.tag]
    passthrough: false
    pod_association:
      - sources: [{from: resource_attribute, name: k8s.pod.ip}]
      - sources: [{from: connection}]
  resource:
    attributes:
      - {action: insert, from_attribute: k8s.namespace.name, key: namespace}
      - {action: insert, from_attribute: k8s.pod.name, key: pod}
      - {action: insert, from_attribute: k8s.node.name, key: node}
      - {action: delete, pattern: ^k8s.*}
  transform:
    trace_statements:
      - context: resource
        statements:
          - set(attributes["service.name"], Concat([attributes["namespace"], attributes["app"]], "/")) where attributes["service.name"] == "namespace/app"
receivers:
  otlp: {protocols: {http: {endpoint: "127.0.0.1:%d"}}}
exporters:
  loadbalancing/by-service-name:
    protocol: {otlp: {tls: {insecure: true}}}
    resolver: {static: {hostnames: ["127.0.0.1:%d"]}}
    routing_key: service
service:
  extensions: [health_check, memory_ballast]
  telemetry: {metrics: {address: "127.0.0.1:%d"}}
  pipelines:
    traces: {receivers: [otlp], processors: [memory_limiter, k8sattributes, resource, transform, batch], exporters: [loadbalancing/by-service-name]}
""" % (free_port(), port, grpc, free_port())
        body = span_of("10.7.0.1")
        body["resourceSpans"][0]["resource"]["attributes"].append({"key": "service.name", "value": {"stringValue": "namespace/app"}})

        def arrived():
            with sink.lock:
                sink.requests.clear()
            post(port, "/v1/traces", body)
            wait_for(lambda: sink.requests, what="the span")
            with sink.lock:
                return {a["key"]: a["value"]["stringValue"] for a in json.loads(sink.requests[0][2])["resourceSpans"][0]["resource"]["attributes"]}

        environment = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(cluster.port), "WEIR_SERVICE_ACCOUNT": account}
        with Weir(back, ready=[grpc]), Weir(front, env=environment, ready=[port]):
            wait_for(lambda: "zone" in arrived(), what="what the cluster knows")
            self.assertEqual({k: v for k, v in arrived().items() if not k.startswith("container.")}, {"service.name": "old/api", "namespace": "old", "pod": "api-7c9d8f6b5-x2x4q", "node": "n1", "zone": "z1", "app": "api", "team": "blue"})

    def test_admission_of_pods(self):
        cluster, port, health = self.cluster, free_port(), free_port()
        cluster.namespace("apps")
        cluster.definition("opentelemetry.io", "v1alpha1", "Instrumentation", "instrumentations")
        cluster.create("/apis/opentelemetry.io/v1alpha1/namespaces/apps/instrumentations", {"apiVersion": "opentelemetry.io/v1alpha1", "kind": "Instrumentation", "metadata": {"name": "mine"},
                                                                                             "spec": {"exporter": {"endpoint": "http://otel:4317"}, "python": {"image": "agent:1"}}})
        log = open(cluster.path("operator.log"), "wb")
        process = subprocess.Popen([binary(), "operator", "--kubeconfig", cluster.path("kubeconfig"), "--listen", "127.0.0.1:%d" % port, "--health", "127.0.0.1:%d" % health,
                                    "--webhook-url", "https://127.0.0.1:%d" % port], stdout=log, stderr=log)
        self.addCleanup(log.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        wait_for(lambda: connectable(health) and get(health, "/readyz")[0] == 200 and connectable(port), 30, "the operator")
        spec = {"containers": [{"name": "main", "image": "app:1"}]}

        def admitted(number):
            made = cluster.create("/api/v1/namespaces/apps/pods", {"metadata": {"name": "py-%d" % number, "annotations": {"instrumentation.opentelemetry.io/inject-python": "true"}}, "spec": spec})
            return made["spec"].get("initContainers")

        # The API server begins to ask some moments after it has been told.
        tries = iter(range(200))
        init = wait_for(lambda: admitted(next(tries)), 30, "an instrumented pod")
        self.assertEqual(init[0]["image"], "agent:1")
        plain = cluster.create("/api/v1/namespaces/apps/pods", {"metadata": {"name": "plain"}, "spec": spec})
        self.assertNotIn("initContainers", plain["spec"])
        vain = cluster.create("/api/v1/namespaces/apps/pods", {"metadata": {"name": "vain", "annotations": {"instrumentation.opentelemetry.io/inject-java": "none"}}, "spec": spec})
        self.assertNotIn("initContainers", vain["spec"])
        wait_for(lambda: any(e["reason"] == "InstrumentationRequestRejected" for e in cluster.ask("GET", "/api/v1/namespaces/apps/events")[1]["items"]), what="an event")

    @unittest.skipIf(yaml is None, "Python has no yaml")
    def test_collectors_of_the_old_version(self):
        cluster, port, health = self.cluster, free_port(), free_port()
        cluster.namespace("olds")
        with open(os.path.join(ROOT, "deploy", "kubernetes", "collectors-crd.yaml")) as f:
            cluster.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", yaml.safe_load(f))
        api = "/apis/opentelemetry.io/%s/namespaces/olds/opentelemetrycollectors"
        wait_for(lambda: cluster.ask("GET", api % "v1alpha1", expect=None)[0] == 200, what="the resource")
        old = {"apiVersion": "opentelemetry.io/v1alpha1", "kind": "OpenTelemetryCollector", "metadata": {"name": "before"},
               "spec": {"mode": "deployment", "maxReplicas": 3, "config": "receivers: {otlp: {protocols: {grpc: {endpoint: '0.0.0.0:4317'}}}}\nexporters: {nop: }\nservice: {pipelines: {traces: {receivers: [otlp], exporters: [nop]}}}\n"}}
        # Nobody is there yet who turns it into what it is today; the operator of another test may have left its webhook.
        cluster.ask("DELETE", "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations")
        wait_for(lambda: cluster.ask("POST", api % "v1alpha1", old, expect=None)[0] in (201, 409), 30, "the resource without a webhook")
        log = open(cluster.path("operator-of-collectors.log"), "wb")
        process = subprocess.Popen([binary(), "operator", "--kubeconfig", cluster.path("kubeconfig"), "--listen", "127.0.0.1:%d" % port, "--health", "127.0.0.1:%d" % health, "--webhook-url", "https://127.0.0.1:%d" % port], stdout=log, stderr=log)
        self.addCleanup(log.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        wait_for(lambda: connectable(health) and get(health, "/readyz")[0] == 200 and connectable(port), 30, "the operator")

        def made(name):
            return cluster.ask("GET", "/apis/apps/v1/namespaces/olds/deployments/%s-collector" % name, expect=None)[0] == 200

        wait_for(lambda: made("before"), 30, "the deployment of the stored one")

        def written():
            name = "now-%d" % time.monotonic_ns()
            answer = cluster.create(api % "v1alpha1", {**old, "metadata": {"name": name}})
            return name if isinstance(answer["spec"]["config"], dict) else None

        name = wait_for(written, 30, "the webhook")  # the API server begins to ask some moments after it has been told
        today = cluster.ask("GET", api % "v1beta1" + "/" + name)[1]
        self.assertEqual((today["apiVersion"], today["spec"]["config"]["service"]["pipelines"]["traces"]["receivers"], today["spec"]["autoscaler"]["maxReplicas"]), ("opentelemetry.io/v1beta1", ["otlp"], 3))
        self.assertNotIn("maxReplicas", today["spec"])
        wait_for(lambda: made(name), 30, "its deployment")

    def test_monitors_become_jobs(self):
        cluster, port = self.cluster, free_port()
        cluster.namespace("mon")
        for kind, plural in (("ServiceMonitor", "servicemonitors"), ("PodMonitor", "podmonitors"), ("Probe", "probes")):
            cluster.definition("monitoring.coreos.com", "v1", kind, plural)
        cluster.pod("mon", "collector-0", "10.9.0.1", labels={"app": "collector"})
        for n in range(3):
            cluster.pod("mon", "app-%d" % n, "10.9.1.%d" % n, labels={"app": "web"}, spec={"containers": [{"name": "main", "image": "a", "ports": [{"name": "http", "containerPort": 8080}]}]})
        cluster.create("/apis/monitoring.coreos.com/v1/namespaces/mon/podmonitors", {"apiVersion": "monitoring.coreos.com/v1", "kind": "PodMonitor", "metadata": {"name": "web"},
                                                                                      "spec": {"selector": {"matchLabels": {"app": "web"}}, "podMetricsEndpoints": [{"port": "http"}]}})
        file = cluster.path("allocator.yaml")
        with open(file, "w") as f:
            json.dump({"collector_selector": {"matchLabels": {"app": "collector"}}, "collector_namespace": "mon", "prometheus_cr": {"enabled": True, "pod_monitor_selector": {}, "scrape_config_selector": {}}}, f)
        log = open(cluster.path("allocator.log"), "wb")
        process = subprocess.Popen([binary(), "allocator", "--config-file", file, "--listen-addr", "127.0.0.1:%d" % port, "--kubeconfig-path", cluster.path("kubeconfig")], stdout=log, stderr=log)
        self.addCleanup(log.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        wait_for(lambda: connectable(port) and get(port, "/readyz")[0] == 200, 30, "the allocator")
        path = "/jobs/podMonitor%2Fmon%2Fweb%2F0/targets?collector_id=collector-0"
        targets = wait_for(lambda: len(found := json.loads(get(port, path)[1])) == 3 and found, 40, "targets")
        self.assertEqual(sorted(t["targets"][0] for t in targets), ["10.9.1.%d:8080" % n for n in range(3)])


if __name__ == "__main__":
    unittest.main()
