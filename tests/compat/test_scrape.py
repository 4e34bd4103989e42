"""Random expositions are scraped alike by both programs: text, OpenMetrics, and rules for series."""
import http.server, json, random, threading, unittest

from peer import *


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
BY_CHANCE = re.compile(r"^(scrape_|up$)")


class Scrape(Differential):
    def test_random_expositions(self):
        for seed in range(24):
            openmetrics = seed % 2 == 1
            body = Exposition(seed, openmetrics).text()
            target = Target(body.encode(), "application/openmetrics-text; version=1.0.0" if openmetrics else "text/plain; version=0.0.4")
            job = {"job_name": "j", "scrape_interval": "500ms", "honor_labels": seed % 3 == 0, "metric_relabel_configs": RULES[seed % len(RULES)],
                   "static_configs": [{"targets": ["127.0.0.1:%d" % target.port], "labels": {"zone": "z"}}]}
            config = "receivers: %s\n" % json.dumps({"prometheus": {"config": {"scrape_configs": [job]}}}) + EXPORTER + "service: {pipelines: {metrics: {receivers: [prometheus], exporters: [otlphttp]}}}\n"
            with self.subTest(seed=seed, body=body):
                both = self.both(config, [], until=lambda sink: len(sink.requests) >= 2, feed=lambda places, requests: [])
                views = []
                for outcome in both:
                    kept = outcome.records(drop_times=True, ignore=[r"scope/version", r"schemaUrl"], keep=lambda r: not any(BY_CHANCE.match(str(v)) for k, v in r.items() if k.endswith("name")))
                    views.append([json.loads(text) for text in sorted({json.dumps(record, sort_keys=True) for record in kept})])
                found = difference(*views)
                self.assertFalse(found, found)


if __name__ == "__main__":
    unittest.main()
