"""The OpenTelemetry operator's own end-to-end tests against `weir operator` and a real API server: what they apply is applied, and what they expect
of specs is compared. There are no controllers here, so the pods that they would make are made by hand; what needs running programs is left out.

WEIR_OPERATOR_FOLDERS names the folder `tests` of the operator's repository; the YAML module of Python is needed."""
import copy, os, re, sys, unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from cluster import *

try:
    import yaml
except ImportError:
    yaml = None

ROOT_FOLDER = os.environ.get("WEIR_OPERATOR_FOLDERS", "")
WHY = missing("etcd", "kube-apiserver") or (None if yaml and ROOT_FOLDER else "WEIR_OPERATOR_FOLDERS is not set, or Python has no yaml")
GROUPS = os.environ.get("WEIR_OPERATOR_GROUPS", "e2e-instrumentation e2e-multi-instrumentation e2e-sidecar").split()
PLURALS = {"Namespace": "namespaces", "Pod": "pods", "ConfigMap": "configmaps", "Secret": "secrets", "Service": "services", "ServiceAccount": "serviceaccounts", "Deployment": "deployments", "StatefulSet": "statefulsets",
           "DaemonSet": "daemonsets", "Job": "jobs", "CronJob": "cronjobs", "ReplicaSet": "replicasets", "Instrumentation": "instrumentations", "OpenTelemetryCollector": "opentelemetrycollectors",
           "ClusterRole": "clusterroles", "ClusterRoleBinding": "clusterrolebindings", "Ingress": "ingresses", "NetworkPolicy": "networkpolicies", "HorizontalPodAutoscaler": "horizontalpodautoscalers",
           "PodDisruptionBudget": "poddisruptionbudgets", "Role": "roles", "RoleBinding": "rolebindings", "PersistentVolumeClaim": "persistentvolumeclaims"}
CLUSTER_WIDE = {"Namespace", "ClusterRole", "ClusterRoleBinding"}
WORKLOADS = {"Deployment", "StatefulSet", "DaemonSet", "Job"}


class Unknown(Exception):
    """An expression that this file does not evaluate."""


def text_of(expression, namespace):
    """'a', concat('a', $namespace) and join('', ['a', $namespace])."""
    return "".join(namespace if token == "$namespace" else token[1:-1] for token in re.findall(r"'[^']*'|\$namespace", expression))


def mismatch(expected, actual, namespace, at=""):
    """Where `actual` lacks what is expected; None: nowhere. Lists have the same length."""
    if isinstance(expected, dict):
        for key, value in expected.items():
            if key.startswith("("):
                inner = key[1:-1].strip()
                if found := re.fullmatch(r"(\w+)\[\?name == '([^']*)'\]", inner):
                    part = [one for one in (actual or {}).get(found.group(1), []) if one.get("name") == found.group(2)]
                elif all(found := [re.fullmatch(r"contains\(@, (.*)\)", one.strip()) for one in inner.split("||")]):
                    part = isinstance(actual, str) and any(text_of(one.group(1), namespace) in actual for one in found)
                else:
                    raise Unknown(key)
                why = mismatch(value, part, namespace, at + key)
            elif not isinstance(actual, dict) or (key not in actual and value is not None):
                return "%s.%s is missing" % (at, key)
            else:
                why = mismatch(value, actual.get(key), namespace, "%s.%s" % (at, key))
            if why:
                return why
        return None
    if isinstance(expected, list):
        if not isinstance(actual, list) or len(actual) != len(expected):
            names = [one.get("name", one) if isinstance(one, dict) else one for one in actual or []]
            return "%s: %d expected, there are %d: %s" % (at, len(expected), len(actual or []), names)
        return next((why for n, (a, b) in enumerate(zip(expected, actual)) if (why := mismatch(a, b, namespace, "%s[%d]" % (at, n)))), None)
    if expected is None or str(expected) == str(actual):
        return None
    return "%s: %r expected, is %r" % (at, expected, actual)


def without_platform(thing):
    """Without what only a kubelet or the admission of service accounts adds."""
    thing = copy.deepcopy(thing)
    thing.pop("status", None)
    spec = thing.get("spec") or {}
    for key in [key for key in spec if "ontainers" in key]:  # also as "(containers[?name == 'a'])"
        for container in spec.get(key) or []:
            if "volumeMounts" in container:
                container["volumeMounts"] = [m for m in container["volumeMounts"] if m.get("mountPath") != "/var/run/secrets/kubernetes.io/serviceaccount"]
                if not container["volumeMounts"]:
                    del container["volumeMounts"]
    if "volumes" in spec:
        spec["volumes"] = [v for v in spec["volumes"] if "projected" not in v]
    return thing


@unittest.skipIf(WHY, WHY)
class Folders(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = cluster = Cluster()
        for name in ("instrumentations-crd.yaml", "collectors-crd.yaml"):
            with open(os.path.join(ROOT, "deploy", "kubernetes", name)) as f:
                for document in yaml.safe_load_all(f):
                    cluster.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", document)
                    group, plural = document["spec"]["group"], document["spec"]["names"]["plural"]
                    version = document["spec"]["versions"][0]["name"]
                    wait_for(lambda: cluster.ask("GET", "/apis/%s/%s/%s" % (group, version, plural), expect=None)[0] == 200, what=plural)
        port, health = free_port(), free_port()
        cls.log = open(cluster.path("operator.log"), "wb")
        cls.process = subprocess.Popen([binary(), "operator", "--kubeconfig", cluster.path("kubeconfig"), "--listen", "127.0.0.1:%d" % port, "--health", "127.0.0.1:%d" % health, "--webhook-url",
                                        "https://127.0.0.1:%d" % port, "--enable-go-instrumentation", "--enable-nginx-instrumentation"], stdout=cls.log, stderr=cls.log)
        wait_for(lambda: connectable(health) and get(health, "/readyz")[0] == 200 and connectable(port), 30, "the operator")
        cluster.namespace("first")
        cls.object("PATCH", {"apiVersion": "opentelemetry.io/v1alpha1", "kind": "Instrumentation", "metadata": {"name": "i", "namespace": "first"}, "spec": {}})
        probe = {"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "p-", "annotations": {"instrumentation.opentelemetry.io/inject-java": "true"}}, "spec": {"containers": [{"name": "a", "image": "i"}]}}
        wait_for(lambda: cluster.create("/api/v1/namespaces/first/pods", probe)["spec"].get("initContainers"), 30, "an instrumented pod")

    @classmethod
    def tearDownClass(cls):
        cls.process.kill()
        cls.process.wait()
        cls.log.close()
        cls.cluster.close()

    @classmethod
    def path(cls, thing, namespace=None, name=True):
        version = thing["apiVersion"]
        base = ("/api/" if "/" not in version else "/apis/") + version
        if thing["kind"] not in CLUSTER_WIDE:
            base += "/namespaces/" + (thing["metadata"].get("namespace") or namespace)
        return "%s/%s%s" % (base, PLURALS[thing["kind"]], "/" + thing["metadata"]["name"] if name else "")

    @classmethod
    def object(cls, method, thing, namespace=None):
        return cls.cluster.ask(method, cls.path(thing, namespace) + "?fieldManager=test&force=true", thing, "application/apply-patch+yaml")[1]

    def apply(self, document, namespace):
        kind = document["kind"]
        if kind not in PLURALS:
            return
        # Images that the test is given; one is as good as another here.
        document = json.loads(re.sub(r"\(\$\w+\)", "registry.test/app:main", json.dumps(document)))
        if kind == "Pod":
            return self.pod(document["metadata"], document["spec"], None, document["metadata"].get("namespace") or namespace)
        made = self.object("PATCH", document, namespace)
        if kind in WORKLOADS:
            where = made["metadata"]["namespace"]
            owner = {"apiVersion": document["apiVersion"], "kind": kind, "name": made["metadata"]["name"], "uid": made["metadata"]["uid"], "controller": True}
            template = made["spec"]["template"]
            meta = {"labels": template["metadata"].get("labels", {}), "annotations": template["metadata"].get("annotations", {})}
            if kind == "Deployment":
                between = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": owner["name"] + "-5d4f8c7d9", "namespace": where, "ownerReferences": [owner]},
                           "spec": {"selector": made["spec"]["selector"], "template": template}}
                made = self.object("PATCH", between)
                owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": made["metadata"]["name"], "uid": made["metadata"]["uid"], "controller": True}
                meta["labels"] = {**meta["labels"], "pod-template-hash": "5d4f8c7d9"}
                time.sleep(0.3)  # the operator hears of the replica set
            self.pod({**meta, "generateName": owner["name"] + "-"}, template["spec"], owner, where)

    def pod(self, meta, spec, owner, namespace):
        pods = "/api/v1/namespaces/%s/pods" % namespace
        for old in self.cluster.ask("GET", pods)[1]["items"]:
            if [o["uid"] for o in old["metadata"].get("ownerReferences", [])] == [owner["uid"] if owner else None] or old["metadata"]["name"] == meta.get("name"):
                self.cluster.ask("DELETE", "%s/%s?gracePeriodSeconds=0" % (pods, old["metadata"]["name"]))
        self.cluster.create(pods, {"metadata": {**meta, "ownerReferences": [owner] if owner else []}, "spec": spec})

    def why_not(self, document, namespace):
        """Why nothing in the cluster is as the document says."""
        wanted = without_platform(document)
        where = document["metadata"].get("namespace") or namespace
        if "name" in document["metadata"]:
            status, found = self.cluster.ask("GET", self.path(document, namespace), expect=None)
            found = [found] if status == 200 else []
        else:
            found = self.cluster.ask("GET", self.path({**document, "metadata": {"namespace": where}}, name=False))[1]["items"]
        labels = document["metadata"].get("labels", {})
        found = [one for one in found if all(one["metadata"].get("labels", {}).get(k) == v for k, v in labels.items())] or found
        whys = [mismatch(wanted, without_platform({**one, "apiVersion": document["apiVersion"], "kind": document["kind"]}), where) for one in found]
        return None if None in whys else (whys[0] if whys else "there is none")

    def documents(self, folder, name):
        with open(os.path.join(folder, name)) as f:
            return [d for d in yaml.safe_load_all(f) if d]

    def run_test(self, folder, test, namespace, counts):
        self.cluster.namespace(namespace)
        problems = []
        for step in test["spec"]["steps"]:
            for action in step.get("try", []):
                (verb, what), = [(k, v) for k, v in action.items() if k in ("apply", "assert", "error", "update", "patch", "create", "script", "command", "sleep", "delete", "wait", "podLogs", "describe", "events")][:1] or [(None, None)]
                if verb in ("apply", "create", "update", "patch") and "file" in what:
                    for document in self.documents(folder, what["file"]):
                        self.apply(document, namespace)
                if verb == "assert" and "file" in what:
                    for document in self.documents(folder, what["file"]):
                        self.judge(document, namespace, "%s %s" % (what["file"], document["kind"]), counts, problems)
        return problems

    def judge(self, document, namespace, title, counts, problems):
        group = "pods" if document["kind"] == "Pod" else "others"
        if document["kind"] not in PLURALS or (group == "others" and set(document) <= {"apiVersion", "kind", "metadata", "status"} and "name" not in document["metadata"]):
            return
        try:
            end = time.monotonic() + 4
            while (why := self.why_not(document, namespace)) and time.monotonic() < end:
                time.sleep(0.2)
        except Unknown as e:
            counts["not evaluated"] = counts.get("not evaluated", 0) + 1
            return
        counts[group + " of"] = counts.get(group + " of", 0) + 1
        counts[group] = counts.get(group, 0) + (why is None)
        if why:
            problems.append("%s: %s" % (title, why))

    def test_folders(self):
        counts, number = {}, 0
        for group in GROUPS:
            for name in sorted(os.listdir(os.path.join(ROOT_FOLDER, group))):
                folder = os.path.join(ROOT_FOLDER, group, name)
                if not os.path.exists(os.path.join(folder, "chainsaw-test.yaml")):
                    continue
                for test in self.documents(folder, "chainsaw-test.yaml"):
                    number += 1
                    with self.subTest("%s/%s" % (group, test["metadata"]["name"])):
                        problems = self.run_test(folder, test, "chain-%d" % number, counts)
                        self.assertEqual(problems, [])
        print("\nspecs as expected: %d of %d pods, %d of %d other objects; %d not evaluated" %
              (counts.get("pods", 0), counts.get("pods of", 0), counts.get("others", 0), counts.get("others of", 0), counts.get("not evaluated", 0)))


if __name__ == "__main__":
    unittest.main()
