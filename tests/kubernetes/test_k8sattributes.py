"""k8sattributes of both programs beside a real API server: random pods and owners, random settings, the same spans, equal attributes.

Many settings share a process: each has a pipeline of its own behind one receiver, and a last processor marks what came through it."""
import os, random, sys, unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(HERE), os.path.join(os.path.dirname(HERE), "compat")]
from cluster import *
from peer import EXPORTER, RECEIVER, Places, difference, otelcol, records

WHY = missing("etcd", "kube-apiserver") or (None if otelcol() else "no Go collector: set WEIR_OTELCOL or run tools/peer/build")
PIPELINES = 14
ROUNDS = int(os.environ.get("WEIR_KUBERNETES_ROUNDS", "3"))
PODS = 50
CHUNK = 40  # resources in a request

METADATA = ["k8s.%s.%s" % (kind, part) for kind in ("deployment", "replicaset", "daemonset", "statefulset", "job", "cronjob") for part in ("name", "uid")]
METADATA += ["k8s.namespace.name", "k8s.pod.name", "k8s.pod.uid", "k8s.pod.hostname", "k8s.pod.start_time", "k8s.pod.ip", "k8s.node.name", "k8s.node.uid", "k8s.container.name", "container.id",
             "container.image.name", "container.image.tag", "container.image.tags", "container.image.repo_digests", "service.namespace", "service.name", "service.version", "service.instance.id", "k8s.cluster.uid"]
KEYS = ["app", "team", "app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/version", "shop.test/tier", "empty"]
NOTES = ["note", "shop.test/owner", "resource.opentelemetry.io/service.name", "resource.opentelemetry.io/team.name", "resource.opentelemetry.io/service.version"]
DIGEST = "sha256:" + "0123456789abcdef" * 4
IMAGES = ["app", "app:1", "shop/web:1.2.3", "reg.test:5000/shop/web:v1", "reg.test/web@" + DIGEST, "reg.test/a/b/c:2@" + DIGEST, "Bad Image", "localhost/x:latest", "docker.io/library/nginx:1.25-alpine",
          "a" * 300, "reg.test/web:", "ghcr.io/o/i@sha256:0123", "-x:1", "reg.test/UPPER:1", "localhost:5000/x", "[::1]:5000/v6:1", "a//b:1", "x" * 64, "0123456789abcdef" * 4, "web:1@sha512:" + "0123456789abcdef" * 8]
IMAGE_IDS = ["", "docker.io/library/nginx@" + DIGEST, "docker-pullable://reg.test/web@" + DIGEST, DIGEST, "nginx@" + DIGEST, "reg.test:5000/shop/web:1@" + DIGEST, "0123456789abcdef" * 4, "index.docker.io/a/b@" + DIGEST]


class Population:
    """Objects of a cluster. What status says is set by hand, as no kubelet runs. No two have an address in common: which of two pods
    that started at the same time is meant depends on the order in which a program hears of them."""
    made = 0

    def __init__(self, cluster, seed):
        self.cluster, self.random, self.pods, self.owners = cluster, random.Random(seed), [], []
        self.prefix, self.seed = "s%d" % seed, seed
        Population.made += 1
        self.number = Population.made
        self.spaces = ["%s-%s" % (self.prefix, name) for name in ("a", "b", "c")]
        self.nodes = ["%s-n%d" % (self.prefix, n) for n in range(3)]
        for name in self.spaces:
            cluster.namespace(name, labels=self.labels(), annotations=self.notes())
        for name in self.nodes[:2]:  # the third is not there
            cluster.create("/api/v1/nodes", {"metadata": {"name": name, "labels": self.labels(), "annotations": self.notes()}})
        for space in self.spaces:
            self.make_owners(space)
        for number in range(PODS):
            self.make_pod(number)

    def chance(self, share):
        return self.random.random() < share

    def labels(self):
        return {key: "" if key == "empty" else "%s-%d" % (key[:3], self.random.randint(0, 3)) for key in KEYS if self.chance(0.5)}

    def notes(self):
        return {key: self.random.choice(["", "x", "a b", "1.2"]) for key in NOTES if self.chance(0.4)}

    def make_owners(self, space):
        def make(api, plural, kind, name, spec, owner=None):
            meta = {"name": name, "labels": self.labels(), "annotations": self.notes()}
            if owner:
                meta["ownerReferences"] = [owner]
            made = self.cluster.create("%s/namespaces/%s/%s" % (api, space, plural), {"metadata": meta, "spec": spec})
            return {"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": made["metadata"]["uid"], "controller": True}

        template = {"metadata": {"labels": {"x": "y"}}, "spec": {"containers": [{"name": "main", "image": "app:1"}]}}
        workload = {"selector": {"matchLabels": {"x": "y"}}, "template": template}
        once = {"template": {"spec": {**template["spec"], "restartPolicy": "Never"}}}
        deployment = make("/apis/apps/v1", "deployments", "Deployment", "web", workload)
        rows = [make("/apis/apps/v1", "replicasets", "ReplicaSet", "web-5d4f", workload, deployment), make("/apis/apps/v1", "replicasets", "ReplicaSet", "alone-77", workload),
                make("/apis/apps/v1", "replicasets", "ReplicaSet", "odd-name", workload, deployment), make("/apis/apps/v1", "statefulsets", "StatefulSet", "db", {**workload, "serviceName": "db"}),
                make("/apis/apps/v1", "daemonsets", "DaemonSet", "agent", workload)]
        cron = make("/apis/batch/v1", "cronjobs", "CronJob", "nightly", {"schedule": "0 0 * * *", "jobTemplate": {"spec": once}})
        minute = int(time.time() // 60)
        rows += [make("/apis/batch/v1", "jobs", "Job", "nightly-%d" % minute, once, {**cron, "apiVersion": "batch/v1"}), make("/apis/batch/v1", "jobs", "Job", "by-hand-%d" % minute, once),
                 make("/apis/batch/v1", "jobs", "Job", "import-20260407", once)]
        rows.append({"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "gone-5d4f", "uid": "00000000-0000-0000-0000-%012d" % self.spaces.index(space), "controller": True})
        self.owners += [(space, row) for row in rows]

    def make_pod(self, number):
        space = self.random.choice(self.spaces)
        owners = [row for where, row in self.owners if where == space]
        meta = {"labels": {**self.labels(), **({"pod-template-hash": self.random.choice(["5d4f", "77", "name"])} if self.chance(0.6) else {})}, "annotations": self.notes()}
        if self.chance(0.8):
            meta["ownerReferences"] = [self.random.choice(owners)]
            if self.chance(0.1):
                meta["ownerReferences"].append({**self.random.choice(owners), "controller": False})
                if meta["ownerReferences"][0]["kind"] == meta["ownerReferences"][1]["kind"]:
                    meta["ownerReferences"].pop()  # nothing has two of a kind
        names = ["main", "side", "third"][:self.random.choice([1, 1, 1, 2, 3])]
        containers = [{"name": name, "image": self.random.choice(IMAGES)} for name in names]
        init = [{"name": "init", "image": self.random.choice(IMAGES)}] if self.chance(0.2) else []
        for one in containers + init:
            one["image"] = one["image"].strip() or "app"
        host = self.chance(0.08)
        spec = {"containers": containers, "initContainers": init, "hostNetwork": host, "nodeName": self.random.choice(self.nodes)}
        if self.chance(0.3):
            spec["hostname"] = "host-%d" % number
        if self.chance(0.05):
            del spec["nodeName"]
        name = "jaeger-agent-%d" % number if self.chance(0.04) else "pod-%d" % number
        address = "127.0.0.1" if number == 0 else "10.%d.0.%d" % (self.number, number + 1)
        if number == 0:
            spec["hostNetwork"] = False
        pod = self.cluster.pod(space, name, spec=spec, **meta)
        self.tell(pod, address if number == 0 or self.chance(0.9) else None, number)

    def tell(self, pod, address, number, restarts=None):
        """Status of a pod as a node would set it."""
        meta, runs = pod["metadata"], {}
        for kind, places in (("containers", "containerStatuses"), ("initContainers", "initContainerStatuses")):
            runs[places] = [{"name": c["name"], "image": c["image"], "imageID": self.random.choice(IMAGE_IDS), "ready": True, "restartCount": self.random.randint(0, 2) if restarts is None else restarts,
                             "containerID": "" if self.chance(0.1) else "containerd://%s-%d-%s-%s" % (self.prefix, number, c["name"], restarts or 0)} for c in pod["spec"].get(kind, []) if self.chance(0.9)]
        status = {"phase": "Running", "startTime": "2026-01-%02dT%02d:%02d:%02dZ" % (1 + self.number // 24 % 28, self.number % 24, number // 60, number % 60), **runs}
        if address:
            status.update(podIP=address, podIPs=[{"ip": address}], hostIP="10.9.9.9", hostIPs=[{"ip": "10.9.9.9"}])
        path = "/api/v1/namespaces/%s/pods/%s/status" % (meta["namespace"], meta["name"])
        made = self.cluster.ask("PATCH", path, {"status": status}, "application/merge-patch+json")[1]
        self.pods = [p for p in self.pods if p["metadata"]["uid"] != meta["uid"]] + [made]

    def change(self):
        """Labels, runs, pods that go, and pods that get the address of one that is gone."""
        for number, pod in enumerate(list(self.pods)):
            meta = pod["metadata"]
            path = "/api/v1/namespaces/%s/pods/%s" % (meta["namespace"], meta["name"])
            if self.chance(0.2):
                pod = self.cluster.ask("PATCH", path, {"metadata": {"labels": {"team": "new", "app": None}}}, "application/merge-patch+json")[1]
                self.pods[number] = pod
            if self.chance(0.2):
                self.tell(pod, pod["status"].get("podIP"), 100 + number, restarts=3)
            elif self.chance(0.2) and number:
                self.cluster.ask("DELETE", path + "?gracePeriodSeconds=0")
                if self.chance(0.5) and pod["status"].get("podIP"):
                    again = self.cluster.pod(meta["namespace"], "again-%d" % number, spec={"containers": [{"name": "main", "image": "again:1"}], "nodeName": self.nodes[0]}, labels=self.labels())
                    self.tell(again, pod["status"]["podIP"], 200 + number)


class Settings:
    """`shared`: also associations that many pods share, of which the one that started last is meant."""

    def __init__(self, seed, population, shared, gates):
        self.random, self.population, self.shared = random.Random(seed), population, shared
        # Without the gate the Go processor of this release ignores the name; weir takes it as a sign of a newer configuration.
        self.metadata = METADATA if gates else [name for name in METADATA if name != "container.image.tags"]

    def chance(self, share):
        return self.random.random() < share

    def rule(self, keys):
        rule = {"from": self.random.choice(["pod", "pod", "pod", "namespace", "node", "deployment", "statefulset", "daemonset", "job"])}
        if self.chance(0.15):
            del rule["from"]
        if self.chance(0.6):
            rule["key"] = self.random.choice(keys)
            if self.chance(0.5):
                rule["tag_name"] = "t%d" % self.random.randint(0, 4)
        else:
            rule["key_regex"], names = self.random.choice([(".*", [None, "fixed"]), ("app.*", [None, "fixed"]), ("shop\\.test/(.*)", [None, "g.$1", "g.${1}x"]), ("(?P<front>[a-z]+)", ["n.$front", "n.${front}", "$1"]),
                                                           ("note|team", [None]), ("(x)?app", ["$1"]), ("app\\.kubernetes\\.io/(name|version)", ["$1", "v.$1"])])
            name = self.random.choice(names)
            if name:
                rule["tag_name"] = name
        return rule

    def sources(self):
        of_one = [{"from": "connection"}] + [{"from": "resource_attribute", "name": name} for name in ("k8s.pod.uid", "k8s.pod.ip", "k8s.pod.name", "container.id", "host.name")]
        of_many = [{"from": "resource_attribute", "name": name} for name in ("k8s.namespace.name", "k8s.deployment.name", "k8s.node.name", "t0", "service.name")]
        if self.shared:
            return self.random.sample(of_one + of_many, self.random.choice([1, 1, 1, 2, 2, 3]))
        first = self.random.choice(of_one)
        return [first] + ([self.random.choice([s for s in of_one + of_many[:1] if s != first])] if self.chance(0.3) else [])

    def pipeline(self):
        population, settings = self.population, {"auth_type": "kubeConfig", "wait_for_metadata": True, "wait_for_metadata_timeout": "60s"}
        extract = {"metadata": self.random.sample(self.metadata, self.random.randint(1, 14))}
        if self.chance(0.1):
            extract = {}
        extract["labels"] = [self.rule(KEYS) for _ in range(self.random.randint(0, 4))]
        extract["annotations"] = [self.rule(NOTES) for _ in range(self.random.randint(0, 3))]
        extract["otel_annotations"] = self.chance(0.4)
        if self.chance(0.3):
            extract["deployment_name_from_replicaset"] = False
        settings["extract"] = extract
        if self.chance(0.85):
            settings["pod_association"] = [{"sources": self.sources()} for _ in range(self.random.randint(1, 4))]
        if self.chance(0.2):
            settings["filter"] = self.random.choice([{"node": population.nodes[0]}, {"namespace": population.spaces[0]}, {"fields": [{"key": "spec.nodeName", "value": population.nodes[1], "op": "not-equals"}]},
                                                     {"labels": [{"key": "team", "op": "exists"}]}, {"labels": [{"key": "team", "op": "does-not-exist"}, {"key": "app", "value": "app-1", "op": "not-equals"}]}])
        if self.chance(0.2):
            settings["exclude"] = {"pods": [{"name": self.random.choice(["pod-1", "^pod-\\d$", "agent"])}]}
        if self.chance(0.05):
            settings["passthrough"] = True
        return settings

    def resources(self, count):
        """Attributes of resources that name pods well or badly."""
        population = self.population
        for _ in range(count):
            pod = self.random.choice(population.pods)
            meta, status = pod["metadata"], pod.get("status", {})
            runs = status.get("containerStatuses", []) + status.get("initContainerStatuses", [])
            run = self.random.choice(runs) if runs else {"name": "main", "containerID": "containerd://none", "restartCount": 0}
            space, owner = self.random.choice(population.owners)
            known = {"k8s.pod.uid": meta["uid"], "k8s.pod.ip": status.get("podIP", ""), "k8s.pod.name": meta["name"], "k8s.namespace.name": meta["namespace"], "k8s.node.name": pod["spec"].get("nodeName", ""),
                     "container.id": run.get("containerID", "").split("://")[-1], "k8s.container.name": run["name"], "k8s.container.restart_count": self.random.choice([run["restartCount"], str(run["restartCount"]), "x", 7]),
                     "host.name": self.random.choice([status.get("podIP", ""), "a-host"]), "ip": status.get("podIP", ""), "k8s.deployment.name": "web", "service.name": self.random.choice(["", "mine"]),
                     "k8s.%s.uid" % owner["kind"].lower(): owner["uid"], "t0": self.random.choice(["", "app-1", "set"]), "container.image.name": "", "team": "mine"}
            yield {name: value for name, value in known.items() if self.chance(0.25)}


def request_of(resources, first):
    def attribute(name, value):
        return {"key": name, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}}

    return {"resourceSpans": [{"resource": {"attributes": [attribute(*pair) for pair in resource.items()]},
                               "scopeSpans": [{"spans": [{"traceId": "%032x" % (first + n), "spanId": "%016x" % (first + n), "name": "s", "startTimeUnixNano": "1", "endTimeUnixNano": "2"}]}]}
                              for n, resource in enumerate(resources, 1)]}


class Side:
    """One of the programs with all pipelines."""

    def __init__(self, program, pipelines, cluster, args=()):
        self.sink = Sink()
        self.places = Places(sink=self.sink.port)
        processors = "".join("  k8sattributes/%s: %s\n  resource/%s: {attributes: [{key: pipeline, value: %s, action: upsert}]}\n" % (name, json.dumps(settings).replace("$", "$$"), name, name) for name, settings in pipelines.items())
        chains = "".join("    traces/%s: {receivers: [otlp], processors: [k8sattributes/%s, resource/%s], exporters: [otlphttp]}\n" % (name, name, name) for name in pipelines)
        config = RECEIVER + "processors:\n" + processors + EXPORTER + "service:\n  telemetry: {metrics: {level: none}}\n  pipelines:\n" + chains
        self.count = len(pipelines)
        self.collector = Collector(program, self.places.fill(config), args=args, ready=[self.places["in"]], env={"KUBECONFIG": cluster.path("kubeconfig")})

    def answer(self, resources):
        """What became of them in all pipelines."""
        with self.sink.lock:
            self.sink.requests.clear()
        for at in range(0, len(resources), CHUNK):
            status, _, text = post(self.places["in"], "/v1/traces", request_of(resources[at:at + CHUNK], at), timeout=60)
            if status != 200:
                raise AssertionError("%s answered %d %s" % (self.collector.name, status, text))
        wanted = len(resources) * self.count
        wait_for(lambda: self.arrived() >= wanted, 60, "%s: %d spans" % (self.collector.name, wanted))
        return records(self.sink.json())

    def arrived(self):
        with self.sink.lock:
            return sum(body.count(b'"traceId"') for _, _, body in self.sink.requests)

    def close(self):
        self.collector.__exit__()
        self.sink.close()


@unittest.skipIf(WHY, WHY)
class BothPrograms(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.cluster.ask("POST", "/api/v1/namespaces", {"metadata": {"name": "kube-system"}}, expect=None)

    @classmethod
    def tearDownClass(cls):
        cls.cluster.close()

    def compare(self, seed, args=()):
        population = Population(self.cluster, seed)
        shared = seed % 2 == 0
        settings = Settings(seed, population, shared, bool(args))
        pipelines = {"p%d" % n: settings.pipeline() for n in range(PIPELINES)}
        reference = Side(otelcol(), pipelines, self.cluster, args)
        self.addCleanup(reference.close)
        ours = Side(binary(), pipelines, self.cluster, args)
        self.addCleanup(ours.close)
        resources = list(settings.resources(200))
        found = difference(reference.answer(resources), ours.answer(resources))
        if found:
            self.fail("seed %d: %s\n%s" % (seed, found, self.named(found, pipelines)))
        if shared:
            return  # what many pods share belongs, after changes, to another pod in each program
        population.change()
        resources = list(settings.resources(200))
        end = time.monotonic() + 30
        while found := difference(reference.answer(resources), ours.answer(resources)):
            if time.monotonic() > end:
                self.fail("seed %d, after changes: %s\n%s" % (seed, found, self.named(found, pipelines)))
            time.sleep(1)

    @staticmethod
    def named(found, pipelines):
        return json.dumps(pipelines, indent=1)[:20_000]

    def test_random_settings(self):
        first = int(os.environ.get("WEIR_KUBERNETES_SEED", "1"))
        for seed in range(first, first + ROUNDS):
            with self.subTest(seed=seed):
                self.compare(seed)
                self.doCleanups()

    def test_names_of_both_generations(self):
        gates = "processor.k8sattributes.EmitV1K8sConventions"
        for seed, more in ((1001, gates), (1002, gates + ",processor.k8sattributes.DontEmitV0K8sConventions")):
            with self.subTest(gates=more):
                self.compare(seed, ["--feature-gates=" + more])
                self.doCleanups()


if __name__ == "__main__":
    unittest.main()
