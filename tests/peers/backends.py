"""Prometheus, Prometheus 3 and VictoriaMetrics as processes: started on a folder that outlives them, asked for every sample they hold."""
import collections, json, os, shutil, subprocess, sys, tempfile, urllib.parse, urllib.request

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import *

PEERS = os.path.join(ROOT, "build", "peer")


def program(variable, *places):
    """The path of a peer: what the environment says, else the first that is there, else ""."""
    found = [os.environ.get(variable, ""), *places]
    return next((path for path in found if path and shutil.which(path)), "")


class Peer:
    """One that can be ended and started again on the same port and data."""

    def __init__(self, path):
        self.path, self.port, self.folder, self.process = path, free_port(), tempfile.mkdtemp(prefix="weir-peer-"), None

    def arguments(self):
        raise NotImplementedError

    def start(self):
        self.log = open(os.path.join(self.folder, "log"), "ab")
        self.process = subprocess.Popen([self.path, *self.arguments()], stdout=self.log, stderr=self.log, cwd=self.folder)
        wait_for(self.ready, 60, "%s ready" % self.path)
        return self

    def ready(self):
        if self.process.poll() is not None:
            raise AssertionError("%s ended:\n%s" % (self.path, open(os.path.join(self.folder, "log")).read()[-3000:]))
        try:
            return get(self.port, self.health)[0] == 200
        except OSError:
            return False

    def end(self):
        if self.process:
            self.process.terminate()
            self.process.wait(30)
            self.log.close()
            self.process = None

    def remove(self):
        self.end()
        shutil.rmtree(self.folder, True)


class Prometheus(Peer):
    health = "/-/ready"

    def __init__(self, path, out_of_order="0s", scrape=(), options=()):
        super().__init__(path)
        self.out_of_order, self.scrape, self.options = out_of_order, scrape, options

    def arguments(self):
        config = {"storage": {"tsdb": {"out_of_order_time_window": self.out_of_order}}, "scrape_configs": list(self.scrape)}
        with open(os.path.join(self.folder, "prometheus.yml"), "w") as f:
            json.dump(config, f)
        return ["--config.file=prometheus.yml", "--storage.tsdb.path=data", "--web.listen-address=127.0.0.1:%d" % self.port, "--web.enable-remote-write-receiver", *self.options]

    def url(self):
        return "http://127.0.0.1:%d/api/v1/write" % self.port

    def samples(self, selector, minutes=30):
        """Labels -> [(time in s, value)], everything that is stored, as it is stored."""
        query = urllib.parse.urlencode({"query": "%s[%dm]" % (selector, minutes)})
        status, body = get(self.port, "/api/v1/query?" + query, timeout=30)
        if status != 200:
            raise AssertionError(body)
        return {tuple(sorted(row["metric"].items())): [(time, float(value)) for time, value in row["values"]] for row in json.loads(body)["data"]["result"]}

    def own(self, name):
        """The sum of one of its own metrics over all labels."""
        lines = [line for line in get(self.port, "/metrics")[1].splitlines() if re.match(name + r"[{ ]", line)]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


class VictoriaMetrics(Peer):
    health = "/health"

    def arguments(self):
        return ["-storageDataPath=data", "-httpListenAddr=127.0.0.1:%d" % self.port, "-search.latencyOffset=0s", "-opentelemetry.usePrometheusNaming"]

    def url(self):
        return "http://127.0.0.1:%d/api/v1/write" % self.port

    def samples(self, selector, minutes=30):
        """As Prometheus.samples(); nothing is removed from what was written: what came twice is there twice."""
        get(self.port, "/internal/force_flush")
        query = urllib.parse.urlencode({"match[]": selector, "reduce_mem_usage": "1"})
        out = collections.defaultdict(list)
        for line in get(self.port, "/api/v1/export?" + query, timeout=30)[1].splitlines():
            row = json.loads(line)
            out[tuple(sorted(row["metric"].items()))] += [(time / 1000, value) for time, value in zip(row["timestamps"], row["values"])]
        return {key: sorted(rows) for key, rows in out.items()}


PROMETHEUS = program("WEIR_PROMETHEUS", "prometheus")
PROMETHEUS3 = program("WEIR_PROMETHEUS3", os.path.join(PEERS, "prometheus3"))
VICTORIA_METRICS = program("WEIR_VICTORIA_METRICS", os.path.join(PEERS, "victoria-metrics"))
NODE_EXPORTER = program("WEIR_NODE_EXPORTER", "prometheus-node-exporter")
