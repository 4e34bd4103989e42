"""The log daemon set of docs/guides/layers from files laid out as the kubelet does, to the push protocol of Loki."""
import os, sys, unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import *
from kubernetes import KubeApi
from wire import *

UIDS = {"crio": "11111111-2222-3333-4444-00000000000a", "containerd": "11111111-2222-3333-4444-00000000000b", "docker": "11111111-2222-3333-4444-00000000000c"}


class Daemonset(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.TemporaryDirectory(prefix="weir-node-")
        self.addCleanup(self.root.cleanup)
        self.sink, self.api = Sink(), KubeApi()
        self.addCleanup(self.sink.close)
        self.addCleanup(self.api.close)
        self.pods = os.path.join(self.root.name, "pods")
        for name in ("pods", "state"):
            os.mkdir(os.path.join(self.root.name, name))
        with open(os.path.join(self.root.name, "kubeconfig"), "w") as f:
            f.write(self.api.kubeconfig())
        for pod, uid in UIDS.items():
            self.api.put("/api/v1/pods", pod + "-0", "shop", metadata={"uid": uid, "labels": {"app": pod, "team": "blue"}},
                         spec={"nodeName": "n1", "containers": [{"name": "main"}]}, status={"podIP": "10.0.0.1", "phase": "Running"})
        self.api.put("/api/v1/nodes", "n1")

    def config(self):
        with open(os.path.join(ROOT, "docs", "guides", "layers", "agent.yaml")) as f:
            text = f.read()
        for what, instead in (("/var/log/pods", self.pods), ("/var/lib/otelcol", os.path.join(self.root.name, "state")),
                              ("  k8sattributes:\n", "  k8sattributes:\n    auth_type: kubeConfig\n    wait_for_metadata: true\n"),
                              ("  health_check: {}", '  health_check: {endpoint: "127.0.0.1:%d"}' % free_port()),
                              ("      address: ${env:MY_POD_IP}:8888", "      address: 127.0.0.1:%d" % free_port())):
            self.assertIn(what, text)
            text = text.replace(what, instead)
        return text

    def weir(self):
        return Weir(self.config(), env={"K8S_NODE_NAME": "n1", "MY_POD_IP": "127.0.0.1", "KUBECONFIG": os.path.join(self.root.name, "kubeconfig"),
                                        "LOKI_ENDPOINT": "http://127.0.0.1:%d/loki/api/v1/push" % self.sink.port})

    def folder(self, pod):
        path = os.path.join(self.pods, "shop_%s-0_%s" % (pod, UIDS[pod]), "main")
        os.makedirs(path, exist_ok=True)
        return path

    def append(self, pod, *lines):
        with open(os.path.join(self.folder(pod), "0.log"), "a") as f:
            f.write("".join(line + "\n" for line in lines))

    def entries(self):
        """{labels: [(nanoseconds, line)]} of everything that was pushed."""
        out = {}
        with self.sink.lock:
            bodies = [unsnappy(body) for _, _, body in self.sink.requests]
        for body in bodies:
            for _, stream in fields(body):
                parts = list(fields(stream))
                labels = next(value for number, value in parts if number == 1).decode()
                for number, entry in parts:
                    if number == 2:
                        entry = dict(fields(entry))
                        time = dict(fields(entry[1]))
                        out.setdefault(labels, []).append((time.get(1, 0) * 10**9 + time.get(2, 0), entry[2].decode()))
        return out

    def lines(self):
        return sorted(json.loads(line)["body"] for entries in self.entries().values() for _, line in entries)

    def test_three_formats_with_rotation_and_a_kill(self):
        real = os.path.join(self.root.name, "docker", "0a-json.log")  # what the kubelet's file is a link to
        os.mkdir(os.path.dirname(real))
        open(real, "w").close()
        for pod in UIDS:
            self.folder(pod)
        os.symlink(real, os.path.join(self.folder("docker"), "0.log"))
        self.append("crio", "2024-05-01T09:00:00+02:00 stdout F written before anybody read")
        with self.weir() as weir:
            state = os.path.join(self.root.name, "state")
            wait_for(lambda: any(name.startswith("receiver_filelog_") and not name.endswith(".new") for name in os.listdir(state)), what="the first look")
            self.append("crio", "2024-05-01T10:00:00.000000001+02:00 stdout P fir", "2024-05-01T10:00:00.000000002+02:00 stdout F st half")
            self.append("containerd", "2024-05-01T08:00:00.000000003Z stderr F one")
            self.append("docker", '{"log":"from docker\\n","stream":"stdout","time":"2024-05-01T08:00:00.004000000Z"}')
            wait_for(lambda: len(self.lines()) >= 3, what="three lines")
            os.rename(os.path.join(self.folder("containerd"), "0.log"), os.path.join(self.folder("containerd"), "0.log.20240501-080000"))
            self.append("containerd", "2024-05-01T08:00:00.000000005Z stdout F two")
            wait_for(lambda: len(self.lines()) >= 4, what="a line after the rotation")
            weir.signal(signal.SIGKILL)
            weir.process.wait()
        self.append("crio", "2024-05-01T10:00:01+02:00 stdout F while nobody read")
        with self.weir() as weir:
            wait_for(lambda: len(self.lines()) >= 5, what="what was written in between")
            self.assertEqual(weir.stop(), 0)
        found = self.entries()
        # The kill may have come between the answer for the last line and its note: then it is there twice, and no other.
        lines = self.lines()
        self.assertEqual(sorted(set(lines)), ["first half", "from docker\n", "one", "two", "while nobody read"])
        self.assertEqual({line: lines.count(line) for line in lines if line != "two" and lines.count(line) > 1}, {})
        self.assertEqual({labels: sorted({time for time, _ in entries}) for labels, entries in found.items()}, {
            '{app="crio", exporter="OTLP", namespace="shop"}': [1714550400000000001, 1714550401000000000],
            '{app="containerd", exporter="OTLP", namespace="shop"}': [1714550400000000003, 1714550400000000005],
            '{app="docker", exporter="OTLP", namespace="shop"}': [1714550400004000000]})
        first = json.loads(found['{app="crio", exporter="OTLP", namespace="shop"}'][0][1])
        self.assertEqual(first["resources"], {"container": "main", "node": "n1", "pod": "crio-0", "team": "blue", "uid": UIDS["crio"]})
        self.assertEqual(first["attributes"]["log.iostream"], "stdout")
        with self.sink.lock:
            self.assertEqual({value for _, headers, _ in self.sink.requests for key, value in headers.items() if key.lower() == "x-scope-orgid"}, {"anonymous"})


if __name__ == "__main__":
    unittest.main()
