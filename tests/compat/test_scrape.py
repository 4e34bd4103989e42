"""Random expositions are scraped alike by both programs: text, OpenMetrics, and rules for series."""
import http.server, json, random, threading, unittest

from peer import *
from wire import *

TYPES = ["openmetrics", "text", "protobuf"]
CONTENT_TYPES = {"openmetrics": "application/openmetrics-text; version=1.0.0", "text": "text/plain; version=0.0.4",
                 "protobuf": "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"}
# WEIR_SCRAPE_SEEDS=FIRST:END: which expositions.
SEEDS = range(*map(int, os.environ.get("WEIR_SCRAPE_SEEDS", "0:30").split(":")))


class Exposition:
    """A random answer of a target. What Prometheus refuses is not in it."""

    def __init__(self, seed, openmetrics):
        self.random, self.openmetrics = random.Random(seed), openmetrics

    def labels(self, *more):
        names = self.random.sample(["code", "method", "path", "le", "quantile", "job", "otel_scope_name", "a_b", "empty"], self.random.randint(0, 4))
        pairs = ['%s="%s"' % (name, "" if name == "empty" else self.random.choice(["x", "200", "a b", "\\\\", 'q\\"', "ü", "\\n"])) for name in names if not any(m.startswith(name) for m in more)]
        pairs += more
        return "{%s}" % ",".join(pairs) if pairs else ""

    def number(self):
        return self.random.choice(["0", "1", "-2.5", "1e3", "NaN", "+Inf", "123456789.25", "1e-9", "3"])

    def time(self):
        if self.random.random() < 0.85:
            return ""
        return " 1700000000.5" if self.openmetrics else " 1700000000500"

    def exemplar(self):
        if not self.openmetrics or self.random.random() < 0.5:
            return ""
        label = self.random.choice(['trace_id="0123456789abcdef0123456789abcdef"', 'trace_id="zz"', 'span_id="0123456789abcdef",x="y"', ""])
        return " # {%s} %s%s" % (label, self.random.choice(["1", "0.5"]), self.random.choice(["", " 1700000000"]))

    def text(self):
        out = []
        for n in range(self.random.randint(3, 12)):
            kind = self.random.choice(["counter", "gauge", "histogram", "summary", None] + (["info", "stateset", "gaugehistogram", "unknown"] if self.openmetrics else ["untyped"]))
            name = "m%d_%s" % (n, self.random.choice(["seconds", "bytes", "x"]))
            if kind:
                out.append("# TYPE %s %s" % (name, kind))
            if self.random.random() < 0.5:
                out.append("# HELP %s Some \\\\ help\\n." % name)
            if self.openmetrics and not name.endswith("x") and self.random.random() < 0.5:
                out.append("# UNIT %s %s" % (name, name.partition("_")[2]))
            for instance in range(self.random.randint(1, 3)):
                self.series(out, name, kind, 'n="%d"' % instance)
        return "\n".join(out + (["# EOF"] if self.openmetrics else [])) + "\n"

    def series(self, out, name, kind, own):
        time = self.time()
        labels = self.labels(own)
        inner = labels[1:-1]
        with_label = lambda more: "{%s,%s}" % (inner, more)
        if kind == "histogram":
            inner = own
            total = 0
            for bound in ("0.1", "1", "+Inf"):
                total += self.random.randint(0, 5)
                out.append("%s_bucket%s %d%s%s" % (name, with_label('le="%s"' % bound), total, time, self.exemplar()))
            out.append("%s_count{%s} %d%s" % (name, inner, total, time))
            if self.random.random() < 0.8:
                out.append("%s_sum{%s} %s%s" % (name, inner, self.number(), time))
        elif kind == "summary":
            inner = own
            for quantile in ("0.5", "0.99"):
                out.append("%s%s %s%s" % (name, with_label('quantile="%s"' % quantile), self.number(), time))
            out.append("%s_count{%s} 7%s" % (name, inner, time))
            out.append("%s_sum{%s} %s%s" % (name, inner, self.number(), time))
        elif kind == "counter" and self.openmetrics:
            out.append("%s_total%s 5%s%s" % (name, labels, time, self.exemplar()))
            if self.random.random() < 0.5:
                out.append("%s_created%s 1600000000%s" % (name, labels, time))
        elif kind == "info":
            out.append("%s_info%s 1%s" % (name, labels, time))
        else:
            out.append("%s%s %s%s" % (name, labels, self.number(), time))


def zigzag(n):
    return 2 * n if n >= 0 else -2 * n - 1


class Messages:
    """A random answer of a target in the protobuf format."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def labels(self, number, own):
        names = self.random.sample(["code", "method", "path", "job", "otel_scope_name", "a_b", "empty"], self.random.randint(0, 4)) + ["n"]
        value = lambda name: {"n": own, "empty": ""}.get(name) if name in ("n", "empty") else self.random.choice(["x", "200", "a b", "\\", 'q"', "ü", "\n"])
        return b"".join(field(number, field(1, name.encode()) + field(2, value(name).encode())) for name in names)

    def real(self):
        return self.random.choice([0.0, 1.0, -2.5, 1e3, float("nan"), float("inf"), 123456789.25, 1e-9, 3.0])

    def exemplar(self, number):
        if self.random.random() < 0.5:
            return b""
        label = self.random.choice([("trace_id", "0123456789abcdef0123456789abcdef"), ("span_id", "0123456789abcdef"), ("x", "y")])
        time = field(3, field(1, 1700000000) + field(2, 500000000))  # without one a classic bucket's exemplar counts, a native histogram's does not
        return field(number, field(1, field(1, label[0].encode()) + field(2, label[1].encode())) + field(2, self.real()) + time)

    def histogram(self):
        total, out = 0, b""
        for bound in (0.1, 1.0, float("inf")):
            total += self.random.randint(0, 5)
            out += field(3, field(1, total) + field(2, bound) + self.exemplar(3))
        return field(1, total) + field(2, float(self.random.randint(0, 9))) + out

    # After one with exemplars Prometheus loses those of the native histograms that follow in the family.
    def native(self, exemplar):
        zero, total, out = self.random.randint(0, 3), 0, b""
        for span, delta in ((12, 13), (9, 10)):
            if self.random.random() < 0.3:
                continue
            previous, deltas = 0, []
            for n in range(self.random.randint(1, 3)):
                length = self.random.randint(1, 3)
                out += field(span, field(1, zigzag(self.random.randint(-5, 5) if n == 0 else self.random.randint(0, 4))) + field(2, length))
                for _ in range(length):
                    count = self.random.randint(0, 6)
                    total += count
                    deltas.append(zigzag(count - previous))
                    previous = count
            out += b"".join(field(delta, d) for d in deltas)
        total += zero
        return field(1, total) + field(2, 2.5) + field(5, zigzag(self.random.randint(-4, 8))) + field(6, self.random.choice([1e-128, 0.001, 0.5])) + field(7, zero) + out + (self.exemplar(16) if exemplar else b"")

    def metric(self, kind, own):
        out = self.labels(1, own)
        if kind == "counter":
            out += field(3, field(1, 5.0) + self.exemplar(2))
        elif kind == "gauge":
            out += field(2, field(1, self.real()))
        elif kind == "untyped":
            out += field(5, field(1, self.real()))
        elif kind == "summary":
            out += field(4, field(1, 7) + field(2, self.real()) + b"".join(field(3, field(1, q) + field(2, self.real())) for q in (0.5, 0.99)))
        else:
            out += field(7, self.native(own == "0") if kind == "native" else self.histogram())
        return out + (field(6, 1700000000500) if self.random.random() < 0.15 else b"")

    def bytes(self):
        out = b""
        numbers = {"counter": 0, "gauge": 1, "summary": 2, "untyped": 3, "histogram": 4, "native": 4}
        for n in range(self.random.randint(3, 12)):
            kind = self.random.choice(list(numbers))
            name = "m%d_%s" % (n, self.random.choice(["seconds", "bytes", "x"]))
            family = field(1, name.encode()) + (field(2, b"Some help.") if self.random.random() < 0.5 else b"") + field(3, numbers[kind])
            family += b"".join(field(4, self.metric(kind, str(i))) for i in range(self.random.randint(1, 3)))
            if name.endswith("seconds") and self.random.random() < 0.5:
                family += field(5, b"seconds")
            out += varint(len(family)) + family
        return out


class Target:
    def __init__(self, body, content_type):
        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *args):
                pass

            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


RULES = [
    [], [{"source_labels": ["__name__"], "regex": "m[0-3].*", "action": "drop"}], [{"regex": "code|path", "action": "labeldrop"}],
    [{"source_labels": ["code", "method"], "separator": "-", "target_label": "both", "regex": "(.*)-(.*)", "replacement": "$${2}_$${1}"}],
    [{"source_labels": ["n"], "target_label": "shard", "modulus": 3, "action": "hashmod"}], [{"regex": "c(.*)", "replacement": "x_$${1}", "action": "labelmap"}],
]
DURATION = "'scrape_duration_seconds'"


class Scrape(Differential):
    def test_random_expositions(self):
        for seed in SEEDS:
            kind = TYPES[seed % 3]
            body = Messages(seed).bytes() if kind == "protobuf" else Exposition(seed, kind == "openmetrics").text().encode()
            target = Target(body, CONTENT_TYPES[kind])
            job = {"job_name": "j", "scrape_interval": "500ms", "honor_labels": seed % 4 == 0, "scrape_native_histograms": seed % 2 == 0, "always_scrape_classic_histograms": seed % 5 == 0, "metric_relabel_configs": RULES[seed // 3 % len(RULES)],
                   "static_configs": [{"targets": ["127.0.0.1:%d" % target.port], "labels": {"zone": "z"}}]}
            config = "receivers: %s\n" % json.dumps({"prometheus": {"config": {"scrape_configs": [job]}}}) + EXPORTER + "service: {pipelines: {metrics: {receivers: [prometheus], exporters: [otlphttp]}}}\n"
            with self.subTest(seed=seed):
                both = self.both(config, [], until=lambda sink: len(sink.requests) >= 2, feed=lambda places, requests: [])
                views = []
                for outcome in both:
                    kept = outcome.records(drop_times=True, ignore=[r"^scope\.version$"], keep=lambda r: r["metric.name"] != DURATION)
                    views.append([json.loads(text) for text in sorted({json.dumps(record, sort_keys=True) for record in kept})])
                if found := difference(*views):
                    self.fail("%s\n%s" % (found, body if kind == "protobuf" else body.decode()))


if __name__ == "__main__":
    unittest.main()
