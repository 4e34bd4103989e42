"""A real API server with its etcd on loopback: no controllers, so tests write pods and their status themselves. The programs are in
$WEIR_KUBERNETES, or build/kubernetes, where tools/kubernetes/build puts them."""
import atexit, os, ssl, sys, urllib.error, urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *

FOLDER = os.environ.get("WEIR_KUBERNETES") or os.path.join(ROOT, "build", "kubernetes")


def program(name):
    path = os.path.join(FOLDER, name)
    return path if os.access(path, os.X_OK) else None


def missing(*names):
    """Why a test that needs these programs cannot run; None: it can."""
    absent = [name for name in names if not program(name)]
    return "%s not in %s: see tools/kubernetes/build" % (", ".join(absent), FOLDER) if absent else None


class Cluster:
    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="weir-cluster-")
        self.path = lambda name: os.path.join(self.folder.name, name)
        self.processes, self.token = {}, "a-token-for-tests"
        self.etcd_port, self.peer_port, self.port = free_port(), free_port(), free_port()
        self._certificates()
        with open(self.path("tokens.csv"), "w") as f:
            f.write('%s,admin,admin,"system:masters"\n' % self.token)
        with open(self.path("kubeconfig"), "w") as f:
            json.dump({"apiVersion": "v1", "kind": "Config", "current-context": "t", "contexts": [{"name": "t", "context": {"cluster": "c", "user": "u"}}], "users": [{"name": "u", "user": {"token": self.token}}],
                       "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:%d" % self.port, "certificate-authority": self.path("ca.crt")}}]}, f)
        atexit.register(self.close)
        self._start("etcd", "--data-dir", self.path("etcd-data"), "--unsafe-no-fsync", "--log-level", "error", *self._etcd_urls())
        self.start()

    def _etcd_urls(self):
        client, peer = "http://127.0.0.1:%d" % self.etcd_port, "http://127.0.0.1:%d" % self.peer_port
        return ["--listen-client-urls", client, "--advertise-client-urls", client, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "default=" + peer]

    def _certificates(self):
        def openssl(*args):
            subprocess.run(["openssl", *args], cwd=self.folder.name, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "sa.key")
        openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.crt", "-days", "30", "-subj", "/CN=weir-test-ca")
        openssl("req", *key, "-keyout", "api.key", "-out", "api.csr", "-subj", "/CN=kube-apiserver")
        with open(self.path("names"), "w") as f:
            f.write("subjectAltName=DNS:localhost,IP:127.0.0.1,IP:10.0.0.1\n")
        openssl("x509", "-req", "-in", "api.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-out", "api.crt", "-days", "30", "-extfile", "names")

    def _start(self, name, *args):
        with open(self.path(name + ".log"), "ab") as log:
            self.processes[name] = subprocess.Popen([program(name), *args], cwd=self.folder.name, stdout=log, stderr=log)

    def start(self):
        self._start("kube-apiserver", "--etcd-servers=http://127.0.0.1:%d" % self.etcd_port, "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--secure-port=%d" % self.port,
                    "--endpoint-reconciler-type=none", "--tls-cert-file=api.crt", "--tls-private-key-file=api.key", "--client-ca-file=ca.crt", "--token-auth-file=tokens.csv", "--service-account-key-file=sa.key",
                    "--service-account-signing-key-file=sa.key", "--service-account-issuer=https://kubernetes.default.svc", "--service-cluster-ip-range=10.0.0.0/24", "--authorization-mode=RBAC",
                    "--disable-admission-plugins=ServiceAccount", "--profiling=false", "--allow-privileged=true")
        wait_for(self._ready, 120, "the API server")

    def stop(self):
        """The API server only; what it has stored stays."""
        self.processes["kube-apiserver"].kill()
        self.processes["kube-apiserver"].wait()

    def close(self):
        for process in self.processes.values():
            if process.poll() is None:
                process.kill()
                process.wait()

    def _ready(self):
        with contextlib.suppress(OSError):
            return self.ask("GET", "/readyz", expect=None)[0] == 200

    def ask(self, method, path, body=None, content_type="application/json", expect=300):
        """Status and answer. A status of `expect` or more is an error."""
        context = ssl.create_default_context(cafile=self.path("ca.crt"))
        request = urllib.request.Request("https://127.0.0.1:%d%s" % (self.port, path), None if body is None else json.dumps(body).encode(), method=method,
                                         headers={"Authorization": "Bearer " + self.token, "Content-Type": content_type, "User-Agent": "weir-tests"})
        try:
            with urllib.request.urlopen(request, timeout=30, context=context) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as e:
            status, text = e.code, e.read()
        if expect is not None and status >= expect:
            raise AssertionError("%s %s: %d %s" % (method, path, status, text[:2000]))
        try:
            return status, json.loads(text)
        except ValueError:
            return status, text

    def create(self, path, thing):
        return self.ask("POST", path, thing)[1]

    def namespace(self, name, **metadata):
        return self.create("/api/v1/namespaces", {"metadata": {"name": name, **metadata}})

    def pod(self, namespace, name, ip=None, spec=None, **metadata):
        """A pod that runs, if it has an address."""
        pods = "/api/v1/namespaces/%s/pods" % namespace
        made = self.create(pods, {"metadata": {"name": name, **metadata}, "spec": {"containers": [{"name": "main", "image": "app:1"}], "nodeName": "n1", **(spec or {})}})
        if ip:
            status = {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}], "conditions": [{"type": "Ready", "status": "True"}]}
            made = self.ask("PATCH", "%s/%s/status" % (pods, name), {"status": status}, "application/merge-patch+json")[1]
        return made

    def definition(self, group, version, kind, plural, namespaced=True):
        """A kind of resources that takes anything."""
        schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        self.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
                    {"metadata": {"name": "%s.%s" % (plural, group)},
                     "spec": {"group": group, "scope": "Namespaced" if namespaced else "Cluster", "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
                              "versions": [{"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}, "subresources": {"status": {}}}]}})
        wait_for(lambda: self.ask("GET", "/apis/%s/%s/%s" % (group, version, plural), expect=None)[0] == 200, what=plural)
