"""`weir allocator` beside an API server on loopback: monitors become jobs, targets are divided, collectors ask over HTTP."""
import base64, os, sys, unittest, urllib.parse

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import *
from kubernetes import KubeApi

MONITORS = "/apis/monitoring.coreos.com/v1/"
SEEDS = {"job", "__scheme__", "__metrics_path__", "__scrape_interval__", "__scrape_timeout__"}


class Allocator:
    """A running `weir allocator`. `config`: its file as JSON. `beside`: another one whose API server it shares."""

    def __init__(self, case, config, collectors=("collector-0",), beside=None):
        self.case, self.port, self.api = case, free_port(), beside.api if beside else KubeApi()
        self.folder = tempfile.TemporaryDirectory(prefix="weir-test-")
        case.addCleanup(self.folder.cleanup)
        if not beside:
            case.addCleanup(self.api.close)
        for number, name in enumerate(collectors):
            self.add_collector(name, "node-%d" % number)
        kubeconfig, file = (os.path.join(self.folder.name, name) for name in ("kubeconfig", "allocator.yaml"))
        with open(kubeconfig, "w") as f:
            f.write(self.api.kubeconfig())
        with open(file, "w") as f:
            json.dump({"collector_selector": {"matchLabels": {"app": "collector"}}, **config}, f)
        self.log = os.path.join(self.folder.name, "log")
        self.command = [binary(), "allocator", "--config-file", file, "--listen-addr", "127.0.0.1:%d" % self.port, "--kubeconfig-path", kubeconfig]

    def add_collector(self, name, node, ready=True):
        self.api.put("/api/v1/pods", name, "otel", metadata={"labels": {"app": "collector"}}, spec={"nodeName": node},
                     status={"phase": "Running", "conditions": [{"type": "Ready", "status": str(ready)}]})

    def start(self):
        with open(self.log, "wb") as out:
            self.process = subprocess.Popen(self.command, stdout=out, stderr=out)
        self.case.addCleanup(self.process.wait)
        self.case.addCleanup(lambda: self.process.poll() is None and self.process.kill())
        wait_for(lambda: connectable(self.port) and get(self.port, "/readyz")[0] == 200, what="the allocator")
        return self

    def json(self, path):
        status, text = get(self.port, path)[:2]
        self.case.assertEqual(status, 200, path)
        return json.loads(text)

    def targets(self, job, collector=None):
        path = "/jobs/%s/targets" % urllib.parse.quote(job, safe="")
        return self.json(path + ("?collector_id=" + collector if collector else ""))


class Allocation(unittest.TestCase):
    def test_jobs_of_the_file(self):
        jobs = [{"job_name": "a/b", "static_configs": [{"targets": ["10.0.0.%d:80" % n for n in range(20)], "labels": {"zone": "x"}}],
                 "basic_auth": {"username": "u", "password": "open sesame"}, "relabel_configs": [{"source_labels": ["__address__"], "regex": "10.0.0.1:80", "action": "drop"}]}]
        allocator = Allocator(self, {"config": {"global": {"scrape_interval": "20s"}, "scrape_configs": jobs}, "allocation_strategy": "least-weighted"}, ("collector-0", "collector-1")).start()
        wait_for(lambda: len(allocator.targets("a/b", "collector-0")) == 10 and len(allocator.targets("a/b", "collector-1")) == 9 or
                 len(allocator.targets("a/b", "collector-0")) == 9, what="targets")
        both = allocator.targets("a/b", "collector-0") + allocator.targets("a/b", "collector-1")
        self.assertEqual(len(both), 19)
        self.assertIn({"targets": ["10.0.0.0:80"], "labels": {"__address__": "10.0.0.0:80", "zone": "x"}}, both)
        self.assertEqual(allocator.targets("a/b", "nobody"), [])
        self.assertEqual(allocator.targets("none", "collector-0"), [])
        self.assertEqual(allocator.json("/jobs"), {"a/b": {"_link": "/jobs/a%2Fb/targets"}})
        whole = allocator.targets("a/b")
        self.assertEqual(set(whole), {"collector-0", "collector-1"})
        self.assertEqual(whole["collector-1"]["_link"], "/jobs/a%2Fb/targets?collector_id=collector-1")
        job = allocator.json("/scrape_configs")["a/b"]
        self.assertEqual((job["scrape_interval"], job["scrape_timeout"], job["basic_auth"]["password"]), ("20s", "10s", "<secret>"))
        self.assertEqual(get(allocator.port, "/livez")[0], 200)
        self.assertIn('opentelemetry_allocator_targets_per_collector{collector_name="collector-0"}', get(allocator.port, "/metrics")[1])
        self.assertIn("10.0.0.5:80", get(allocator.port, "/debug/targets")[1])

    def test_monitors_become_jobs(self):
        allocator = Allocator(self, {"prometheus_cr": {"enabled": True, "service_monitor_selector": {}, "pod_monitor_selector": {"matchLabels": {"team": "blue"}},
                                                       "service_monitor_namespace_selector": {"matchLabels": {"scrape": "yes"}}}})
        api = allocator.api
        api.put("/api/v1/namespaces", "shop", metadata={"labels": {"scrape": "yes"}})
        api.put("/api/v1/namespaces", "dark")
        api.secrets["login"] = {"metadata": {"name": "login"}, "data": {"token": base64.b64encode(b"t0ken").decode()}}
        endpoint = {"port": "http", "interval": "15s", "authorization": {"credentials": {"name": "login", "key": "token"}}}
        for namespace in ("shop", "dark"):
            api.put(MONITORS + "servicemonitors", "web", namespace, spec={"selector": {"matchLabels": {"app": "web"}}, "endpoints": [endpoint]})
        api.put(MONITORS + "servicemonitors", "broken", "shop", spec={"selector": {}, "endpoints": [{"port": "x"}, {"port": "y", "relabelings": [{"action": "hashmod", "targetLabel": "a"}]}]})
        api.put(MONITORS + "podmonitors", "red", "shop", spec={"selector": {}, "podMetricsEndpoints": [{"port": "m"}]})
        api.put("/api/v1/services", "web", "shop", metadata={"labels": {"app": "web"}}, spec={"type": "ClusterIP"})
        api.put("/apis/discovery.k8s.io/v1/endpointslices", "web-1", "shop", metadata={"labels": {"kubernetes.io/service-name": "web"}}, addressType="IPv4",
                ports=[{"name": "http", "port": 8080, "protocol": "TCP"}, {"name": "other", "port": 9, "protocol": "TCP"}],
                endpoints=[{"addresses": ["10.0.0.%d" % n], "conditions": {"ready": True}} for n in range(1, 4)])
        allocator.start()
        job = "serviceMonitor/shop/web/0"
        wait_for(lambda: len(allocator.targets(job, "collector-0")) == 3, what="targets of the monitor")
        self.assertEqual(set(allocator.json("/scrape_configs")), {job})
        scrape = allocator.json("/scrape_configs")[job]
        self.assertEqual((scrape["authorization"], scrape["scrape_interval"]), ({"type": "Bearer", "credentials": "<secret>"}, "15s"))
        self.assertEqual(allocator.targets(job, "collector-0")[0]["labels"]["__meta_kubernetes_service_name"], "web")
        self.assertIn("weir_allocator_monitors_skipped 1", get(allocator.port, "/metrics")[1])
        page = get(allocator.port, "/debug/monitors")[1]
        self.assertIn("ServiceMonitor shop/broken", page)
        self.assertIn("non-zero modulus", page)
        # A monitor that goes takes its job along, one that is repaired comes.
        api.remove(MONITORS + "servicemonitors", "web", "shop")
        api.put(MONITORS + "servicemonitors", "broken", "shop", spec={"selector": {}, "endpoints": [{"port": "x"}]})
        wait_for(lambda: set(allocator.json("/scrape_configs")) == {"serviceMonitor/shop/broken/0"}, what="the other monitor")

    def test_replicas_give_the_same_answer(self):
        """Consistent hashing depends on what there is, not on what was: replicas need no leader."""
        def monitor_config():
            return {"prometheus_cr": {"enabled": True, "pod_monitor_selector": {}, "scrape_interval": "1s"}, "allocation_strategy": "consistent-hashing", "collector_not_ready_grace_period": "0s"}

        first = Allocator(self, monitor_config(), ["collector-%d" % n for n in range(3)])
        api, job = first.api, "podMonitor/shop/web/0"

        def app(number):
            api.put("/api/v1/pods", "app-%d" % number, "shop", metadata={"labels": {"app": "web"}}, spec={"nodeName": "n", "containers": [{"name": "main", "ports": [{"name": "http", "containerPort": 80}]}]},
                    status={"phase": "Running", "podIP": "10.1.%d.%d" % (number // 200, number % 200)})

        for number in range(300):
            app(number)
        api.put(MONITORS + "podmonitors", "web", "shop", spec={"selector": {}, "podMetricsEndpoints": [{"port": "http"}]})
        first.start()

        def owners(allocator):
            names = list(allocator.targets(job))
            return {name: sorted(t["targets"][0] for t in allocator.targets(job, name)) for name in names}

        wait_for(lambda: sum(map(len, owners(first).values())) == 300, 40, "targets of the first")
        # What the second one never sees: targets and a collector that go, others that come.
        for number in range(40):
            api.remove("/api/v1/pods", "app-%d" % number, "shop")
            app(300 + number)
        api.remove("/api/v1/pods", "collector-2", "otel")
        first.add_collector("collector-3", "node-3")
        second = Allocator(self, monitor_config(), (), beside=first).start()
        names = {"collector-0", "collector-1", "collector-3"}
        same = wait_for(lambda: owners(first) == owners(second) and set(owners(first)) == names and sum(map(len, owners(first).values())) == 300 and owners(first), 60, "equal answers")
        self.assertTrue(all(same.values()), same)

    def test_a_collector_of_weir_scrapes_what_it_is_given(self):
        class Page(http.server.BaseHTTPRequestHandler):
            def log_message(self, *args):
                pass

            def do_GET(self):
                body = b"answer 42\n"
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        page = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
        page.daemon_threads = True
        threading.Thread(target=page.serve_forever, daemon=True).start()
        self.addCleanup(page.server_close)
        self.addCleanup(page.shutdown)
        address = "127.0.0.1:%d" % page.server_address[1]
        allocator = Allocator(self, {"config": {"scrape_configs": [{"job_name": "page", "scrape_interval": "200ms", "scrape_timeout": "200ms", "static_configs": [{"targets": [address]}]}]}}).start()
        wait_for(lambda: allocator.targets("page", "collector-0"), what="the target")
        sink = Sink()
        self.addCleanup(sink.close)
        with Weir("""
receivers:
  prometheus:
    target_allocator: {endpoint: "http://127.0.0.1:%d", interval: 1s, collector_id: collector-0}
exporters:
  otlphttp: {endpoint: "http://127.0.0.1:%d", encoding: json, compression: none}
service:
  telemetry: {metrics: {level: none}}
  pipelines:
    metrics: {receivers: [prometheus], exporters: [otlphttp]}
""" % (allocator.port, sink.port)):
            wait_for(lambda: any(b'"answer"' in body for _, _, body in list(sink.requests)), what="the scraped metric")

    def test_a_collector_that_is_not_ready_loses_its_targets(self):
        jobs = [{"job_name": "a", "static_configs": [{"targets": ["10.0.0.%d:80" % n for n in range(10)]}]}]
        allocator = Allocator(self, {"config": {"scrape_configs": jobs}, "allocation_strategy": "least-weighted", "collector_not_ready_grace_period": "1s", "handover": "0s"},
                              ("collector-0", "collector-1")).start()
        wait_for(lambda: len(allocator.targets("a", "collector-1")) == 5, what="targets")
        allocator.add_collector("collector-1", "node-1", ready=False)
        wait_for(lambda: len(allocator.targets("a", "collector-0")) == 10, what="all targets at the other collector")
        self.assertEqual(allocator.targets("a", "collector-1"), [])

    def test_configurations_that_cannot_work(self):
        for text, said in (("{}", "at least one scrape config"), ("{nonsense: 1}", "nonsense"), ("{prometheus_cr: {enabled: true, allow_namespaces: [a], deny_namespaces: [b]}}", "only one of"),
                           ("{prometheus_cr: {enabled: true}, collector_selector: {matchExpressions: [{key: a, operator: In}]}}", "values set")):
            with tempfile.NamedTemporaryFile("w", suffix=".yaml") as f:
                f.write(text)
                f.flush()
                done = subprocess.run([binary(), "allocator", "--config-file", f.name], capture_output=True, text=True, timeout=20)
            self.assertEqual(done.returncode, 1)
            self.assertIn(said, done.stderr)


class Conformance(unittest.TestCase):
    """Folders as the operator's target allocator has them: prometheus.yaml and golden.json, what Prometheus itself makes of it."""

    @unittest.skipUnless(os.environ.get("WEIR_ALLOCATOR_FOLDERS"), "WEIR_ALLOCATOR_FOLDERS names no folder with conformance folders")
    def test_folders(self):
        root = os.environ["WEIR_ALLOCATOR_FOLDERS"]
        for name in sorted(os.listdir(root)):
            if not os.path.exists(os.path.join(root, name, "golden.json")):
                continue
            with self.subTest(name):
                with open(os.path.join(root, name, "golden.json")) as f:
                    golden = json.load(f)
                self.check(os.path.join(root, name, "prometheus.yaml"), golden)

    def check(self, file, golden):
        with open(file) as f:
            text = f.read()
        allocator = Allocator(self, {})
        with open(allocator.command[3], "w") as f:
            f.write("collector_selector: {matchLabels: {app: collector}}\nconfig:\n" + "".join("  " + line + "\n" for line in text.splitlines()))
        allocator.start()
        expected, identities = {}, {}
        for target in golden:
            job = target["discoveredLabels"]["job"]
            expected.setdefault(job, [])
            if target["labels"]:
                expected[job].append(tuple(sorted((k, v) for k, v in target["discoveredLabels"].items() if k not in SEEDS and not k.startswith("__param_"))))
                identities.setdefault(job, set()).add(json.dumps(target["labels"], sort_keys=True))
        wait_for(lambda: sum(len(allocator.targets(job, "collector-0")) for job in expected) == sum(map(len, identities.values())), seconds=12, what="as many targets as Prometheus has")
        for job, before in expected.items():
            served = allocator.targets(job, "collector-0")
            self.assertEqual(len(served), len(identities.get(job, ())), job)
            for target in served:
                self.assertIn(tuple(sorted((k, v) for k, v in target["labels"].items() if not k.startswith("__param_"))), before)
        allocator.process.kill()
        allocator.process.wait()


if __name__ == "__main__":
    unittest.main()
