"""Jobs as people have them, in both programs: what is asked of the targets, and what becomes of their answers."""
import gzip, http.server, json, tempfile, threading, time, unittest, urllib.parse

from peer import *
from wire import *

TEXT = "text/plain; version=0.0.4"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PROTOBUF = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"

USUAL = """# HELP http_requests_total The total number of HTTP requests.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027
http_requests_total{method="post",code="400"} 3
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{le="0.05"} 24054
http_request_duration_seconds_bucket{le="0.1"} 33444
http_request_duration_seconds_bucket{le="+Inf"} 144320
http_request_duration_seconds_sum 53423
http_request_duration_seconds_count 144320
# TYPE rpc_duration_seconds summary
rpc_duration_seconds{quantile="0.01"} 3102
rpc_duration_seconds{quantile="0.99"} 76656
rpc_duration_seconds_sum 1.7560473e+07
rpc_duration_seconds_count 2693
# TYPE temperature gauge
temperature{job="theirs",instance="there",room="a b"} -3.5
# TYPE process_start_time_seconds gauge
process_start_time_seconds 1.7e+09
no_type 7
"""
TIMED = """# TYPE a gauge
a{n="1"} 1 1700000000123
a{n="2"} 2
# TYPE b counter
b_total 5 1700000000123
"""
INFO = """# TYPE target info
target_info{service_version="1.2",k="v"} 1
# TYPE a gauge
a{otel_scope_name="lib",otel_scope_version="2",otel_scope_schema_url="https://x",otel_scope_kind="x"} 1
a{otel_scope_name="other"} 2
# TYPE otel_scope info
otel_scope_info{otel_scope_name="lib",otel_scope_version="2",level="high"} 1
# TYPE build info
build_info{version="3"} 1
# TYPE state stateset
state{state="on"} 1
state{state="off"} 0
# TYPE c counter
c_total 7
c_created 1600000000.5
# TYPE h histogram
h_bucket{le="1.0"} 2 # {trace_id="0123456789abcdef0123456789abcdef",span_id="0123456789abcdef"} 0.5 1700000000.25
h_bucket{le="+Inf"} 3
h_count 3
h_sum 4
h_created 1600000000.5
# TYPE gh gaugehistogram
gh_bucket{le="1.0"} 2
gh_bucket{le="+Inf"} 3
gh_gcount 3
gh_gsum 4
# EOF
"""
UTF8 = """# TYPE "http.requests" counter
{"http.requests","status.code"="200"} 4
{"http.requests","status.code"="500","ü"="ü"} 5
# TYPE plain gauge
plain{"a.b"="c"} 1
"""
ODD = """# TYPE twice gauge
twice{a="1"} 1
twice{a="1"} 2
# TYPE after counter
# TYPE between gauge
between 1
after 3
# TYPE h histogram
h_bucket{le="1"} 2
h_count 3
h_sum 4
# TYPE only_buckets histogram
only_buckets_bucket{le="1"} 2
only_buckets_bucket{le="+Inf"} 2
# TYPE only_sum summary
only_sum_sum 2
# TYPE no_le histogram
no_le_bucket 2
no_le_count 2
empty_label{a=""} 1
nan NaN
minus -Inf
# TYPE s summary
s{quantile="0.5"} NaN
s_sum 0
s_count 0
# TYPE falls counter
falls_total 3
"""


def family(name, kind, *metrics):
    body = field(1, name.encode()) + field(2, b"Help.") + field(3, kind) + b"".join(field(4, m) for m in metrics)
    return varint(len(body)) + body


def native():
    zigzag = lambda n: 2 * n if n >= 0 else -2 * n - 1
    buckets = b"".join(field(3, field(1, n) + field(2, bound)) for n, bound in ((2, 0.5), (5, 1.0), (6, float("inf"))))
    label = field(1, field(1, b"path") + field(2, b"/a"))
    both = label + field(7, field(1, 6) + field(2, 7.5) + buckets + field(5, zigzag(3)) + field(6, 1e-128) + field(7, 1) + field(12, field(1, zigzag(-2)) + field(2, 2)) + field(12, field(1, zigzag(3)) + field(2, 1)) + field(13, zigzag(2)) + field(13, zigzag(-1)) + field(13, zigzag(1))
                         + field(15, field(1, 1600000000)))
    alone = field(7, field(1, 4) + field(2, 1.5) + field(5, zigzag(0)) + field(6, 0.5) + field(7, 2) + field(12, field(1, zigzag(0)) + field(2, 1)) + field(13, zigzag(2)))
    return family("took_seconds", 4, both) + family("alone", 4, alone) + family("classic", 4, field(7, field(1, 6) + field(2, 7.5) + buckets)) + family("c_total", 0, field(3, field(1, 5.0) + field(3, field(1, 1600000000))))


class Targets:
    """A server whose paths are targets, and service discovery. Remembers what was asked for."""
    ASKED = ("Accept", "Accept-Encoding", "Authorization", "X-Prometheus-Scrape-Timeout-Seconds", "X-Tenant", "Cookie")

    def __init__(self):
        self.asked, self.answers, outer = {}, {}, self
        self.scrapes = {}

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do_POST(self):
                outer.posted = self.rfile.read(int(self.headers["content-length"])).decode()
                self.do_GET()

            def do_GET(self):
                path, _, query = self.path.partition("?")
                outer.scrapes[path] = outer.scrapes.get(path, 0) + 1
                outer.asked.setdefault(path, set()).add((self.command, query, *("%s: %s" % (name, value) for name in outer.ASKED for value in self.headers.get_all(name, []))))
                answer = outer.answers.get(path, (404, TEXT, b"nope\n"))
                status, content_type, body, *headers = answer(self) if callable(answer) else answer
                body = body.encode() if isinstance(body, str) else body
                if status is None:  # says nothing in time
                    time.sleep(1)
                    self.close_connection = True
                    return
                self.send_response(status)
                if content_type is not None:
                    self.send_header("Content-Type", content_type)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):  # a scrape that is cut short
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def job(name, targets, body=USUAL, content_type=TEXT, status=200, headers=(), labels=None, **settings):
    """A job with one target, the path of its own name."""
    targets.answers["/" + name] = (status, content_type, body, *headers)
    return {"job_name": name, "metrics_path": "/" + name, "static_configs": [{"targets": ["127.0.0.1:%d" % targets.port], **({"labels": labels} if labels else {})}], **settings}


class ScrapeConfigs(Differential):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, name, content):
        path = os.path.join(self.folder.name, name)
        with open(path, "w") as f:
            f.write(content if isinstance(content, str) else json.dumps(content))
        return path

    def check(self, make, receiver=None, config=None, scrapes=2, seconds=40, unasked=(), told=()):
        """`make(targets)` gives the jobs. `unasked`: paths that nobody asks for; `told`: jobs that have to come out twice."""
        found, asked = [], []
        for program in (otelcol(), binary()):
            targets = Targets()
            try:
                jobs = make(targets)
                more = receiver(targets) if callable(receiver) else receiver or {}
                for one in jobs:
                    one.setdefault("scrape_interval", "400ms")
                    one.setdefault("scrape_timeout", "300ms")
                text = json.dumps({"prometheus": {"config": {"scrape_configs": jobs, **(config or {})}, **more}}).replace("$", "$$")
                text = "receivers: %s\n" % text + EXPORTER + "service: {pipelines: {metrics: {receivers: [prometheus], exporters: [otlphttp]}}}\n"

                def enough(sink):
                    seen = [attribute["value"]["stringValue"] for request in sink.json() for group in request["resourceMetrics"] for attribute in group["resource"]["attributes"] if attribute["key"] == "service.name"]
                    return len(sink.requests) > scrapes and all(seen.count(name) > 2 for name in told) and all(targets.scrapes.get(path, 0) > scrapes for path in targets.answers if path not in unasked)
                outcome = run(program, text, [], until=enough, seconds=seconds)
                found.append({})
                for record in outcome.records(ignore=[r"^scope\.version$"]):
                    record = self.comparable(record, targets)
                    found[-1].setdefault(record.get("resource.attributes[service.name]", "?"), {}).setdefault(json.dumps(record, sort_keys=True))
                asked.append(targets.asked)
            finally:
                targets.close()
        self.compare(*found)
        for path in sorted(path for path in asked[0].keys() | asked[1].keys() if not path.startswith("/api/") and path not in ("/scrape_configs", "/token")):  # those are JSON without compression here
            with self.subTest(asked=path):
                self.assertEqual(sorted(asked[0].get(path, ())), sorted(asked[1].get(path, ())))

    def compare(self, reference, ours):
        for name in sorted(reference.keys() | ours.keys()):
            with self.subTest(job=name):
                text = difference(*[[json.loads(record) for record in view.get(name, ())] for view in (reference, ours)])
                if text:
                    self.fail(text)

    @staticmethod
    def comparable(record, targets):
        """Times are those of the answer, or those of the scrape; what a scrape takes is as it is."""
        out = {}
        for path, text in record.items():
            if path.endswith("UnixNano"):
                text = "now" if int(text) > 1_750_000_000 * 10**9 else text
            out[path] = text.replace(":%d" % targets.port, ":PORT").replace("'%d'" % targets.port, "'PORT'")
        if record.get("metric.name", "").startswith("'scrape_duration"):
            out["point.asDouble"] = "some"
        return out

    def test_usual(self):
        self.check(lambda t: [
            job("plain", t),
            job("labels", t, labels={"env": "prod", "region": "eu"}, params={"module": ["http_2xx", "b c"], "match[]": ['{a="b"}']}),
            job("honor", t, honor_labels=True, labels={"room": "here", "job": "fleet"}),
            job("timed", t, TIMED), job("timed_not_honored", t, TIMED, honor_timestamps=False), job("timed_tracked", t, TIMED, track_timestamps_staleness=True),
            job("info", t, INFO, OPENMETRICS), job("odd", t, ODD), job("utf8", t, UTF8, TEXT.replace("0.0.4", "1.0.0")),
            job("legacy", t, UTF8, TEXT.replace("0.0.4", "1.0.0"), metric_name_validation_scheme="legacy", metric_name_escaping_scheme="underscores"),
            job("legacy_usual", t, metric_name_validation_scheme="legacy", metric_name_escaping_scheme="underscores"),
            job("dots", t, metric_name_escaping_scheme="dots"), job("values", t, metric_name_escaping_scheme="values"),
            job("extra", t, extra_scrape_metrics=True, sample_limit=100, body_size_limit="1MB"),
        ])

    def test_histograms(self):
        self.check(lambda t: [
            job("native", t, native(), PROTOBUF, scrape_native_histograms=True),
            job("native_off", t, native(), PROTOBUF, scrape_native_histograms=False),
            job("native_both", t, native(), PROTOBUF, scrape_native_histograms=True, always_scrape_classic_histograms=True),
            job("native_protocols", t, native(), PROTOBUF, scrape_native_histograms=True, scrape_protocols=["PrometheusProto", "OpenMetricsText1.0.0"]),
            job("custom", t, convert_classic_histograms_to_nhcb=True), job("custom_openmetrics", t, re.sub("(?m)^.*_created .*\n", "", INFO), OPENMETRICS, convert_classic_histograms_to_nhcb=True),
            job("custom_proto", t, native(), PROTOBUF, scrape_native_histograms=True, convert_classic_histograms_to_nhcb=True),
            job("custom_both", t, convert_classic_histograms_to_nhcb=True, always_scrape_classic_histograms=True),
            job("few_buckets", t, native(), PROTOBUF, scrape_native_histograms=True, native_histogram_bucket_limit=2),
            job("factor", t, native(), PROTOBUF, scrape_native_histograms=True, native_histogram_min_bucket_factor=2.0),
        ])

    def test_limits(self):
        self.check(lambda t: [
            job("samples", t, sample_limit=5), job("samples_enough", t, sample_limit=13), job("samples_dropped", t, sample_limit=3, metric_relabel_configs=[{"source_labels": ["__name__"], "regex": "(http|rpc).*", "action": "drop"}]),
            job("body", t, body_size_limit="100B"), job("labels_few", t, label_limit=3), job("label_names", t, label_name_length_limit=7), job("label_values", t, label_value_length_limit=12),
            {**job("targets", t), "target_limit": 1, "static_configs": [{"targets": ["127.0.0.1:%d" % t.port, "localhost:%d" % t.port]}]},
        ], unasked=["/targets"])

    def test_answers(self):
        self.check(lambda t: [
            job("missing", t, "nope", status=404), job("error", t, "oh", status=500), job("silent", t, "", status=None), job("empty", t, ""), job("no_eof", t, "a 1\n", OPENMETRICS), job("broken", t, "a 1\nb{ 2\n"),
            job("no_type", t, content_type=None), job("html", t, content_type="text/html"), job("no_content", t, "", status=204), job("fallback", t, content_type="text/html", fallback_scrape_protocol="PrometheusText0.0.4"),
            job("fallback_openmetrics", t, INFO, "application/x", fallback_scrape_protocol="OpenMetricsText1.0.0"),
            job("packed", t, gzip.compress(USUAL.encode()), headers=[("Content-Encoding", "gzip")]), job("not_packed", t, enable_compression=False),
            job("moved", t, "", status=302, headers=[("Location", "/elsewhere")]), job("moved_not_followed", t, "", status=302, headers=[("Location", "/elsewhere")], follow_redirects=False), job("elsewhere", t),
            job("no_newline", t, "a 1"), job("blank_lines", t, "\n\n# a comment\na  1  \n\n"), job("crlf", t, "a 1\r\nb 2\r\n"),
            {**job("nobody", t), "static_configs": [{"targets": ["127.0.0.1:1"]}]},
        ], unasked=["/nobody"])

    def test_credentials(self):
        secret = self.path("secret", "from a file\n")
        self.check(lambda t: [
            job("basic", t, basic_auth={"username": "u", "password": "p:w"}), job("basic_file", t, basic_auth={"username": "u", "password_file": secret}),
            job("bearer", t, authorization={"credentials": "token"}), job("other_type", t, authorization={"type": "Key", "credentials_file": secret}), job("bearer_token", t, bearer_token="old"), job("bearer_file", t, bearer_token_file=secret),
            job("headers", t, http_headers={"X-Tenant": {"values": ["a", "b"]}, "Cookie": {"secrets": ["c"]}}),
            job("protocols", t, scrape_protocols=["OpenMetricsText0.0.1", "PrometheusText0.0.4"]), job("protocols_all", t, scrape_protocols=["PrometheusText1.0.0", "PrometheusProto", "OpenMetricsText1.0.0"]),
            job("timeout", t, scrape_interval="2s", scrape_timeout="1500ms"),
        ])

    def test_relabeling(self):
        """The usual rules for pods, the blackbox exporter, and every action once."""
        pods = [
            {"source_labels": ["__meta_kubernetes_pod_annotation_prometheus_io_scrape"], "action": "keep", "regex": True},
            {"source_labels": ["__meta_kubernetes_pod_annotation_prometheus_io_scheme"], "action": "replace", "regex": "(https?)", "target_label": "__scheme__"},
            {"source_labels": ["__meta_kubernetes_pod_annotation_prometheus_io_path"], "action": "replace", "target_label": "__metrics_path__", "regex": "(.+)"},
            {"source_labels": ["__address__", "__meta_kubernetes_pod_annotation_prometheus_io_port"], "action": "replace", "regex": r"([^:]+)(?::\d+)?;(\d+)", "replacement": "$1:$2", "target_label": "__address__"},
            {"action": "labelmap", "regex": "__meta_kubernetes_pod_label_(.+)"},
            {"action": "labelmap", "regex": "__meta_kubernetes_pod_annotation_prometheus_io_param_(.+)", "replacement": "__param_$1"},
            {"source_labels": ["__meta_kubernetes_namespace"], "target_label": "kubernetes_namespace"}, {"source_labels": ["__meta_kubernetes_pod_name"], "target_label": "kubernetes_pod_name"},
            {"source_labels": ["__meta_kubernetes_pod_phase"], "regex": "Pending|Succeeded|Failed|Completed", "action": "drop"},
        ]

        def pod(name, port, **more):
            meta = {"namespace": "shop", "pod_name": name, "pod_label_app": name, "pod_label_app_kubernetes_io_name": "x", "pod_annotation_prometheus_io_scrape": "true", "pod_annotation_prometheus_io_port": str(port), "pod_annotation_prometheus_io_path": "/pods", "pod_phase": "Running", **more}
            return {"targets": ["127.0.0.1:80"], "labels": {"__meta_kubernetes_" + key: value for key, value in meta.items()}}

        def make(t):
            t.answers["/pods"] = (200, TEXT, USUAL)
            t.answers["/probe"] = (200, TEXT, "probe_success 1\n")
            t.answers["/sd"] = (200, "application/json", json.dumps([{"targets": ["127.0.0.1:%d" % t.port], "labels": {"__metrics_path__": "/found", "team": "a", "__meta_x": "y"}}]))
            t.answers["/found"] = (200, TEXT, USUAL)
            files = self.path("pods-%d.json" % t.port, [pod("web", t.port), pod("db", t.port, pod_phase="Failed"), pod("batch", t.port, pod_annotation_prometheus_io_scrape="false"), pod("api", t.port, pod_annotation_prometheus_io_param_format="prometheus")])
            yaml = self.path("static-%d.yml" % t.port, "- targets: ['127.0.0.1:%d']\n  labels: {dc: one, __metrics_path__: /from_yaml}\n" % t.port)
            t.answers["/from_yaml"] = (200, TEXT, USUAL)
            here = "127.0.0.1:%d" % t.port
            return [
                {"job_name": "pods", "file_sd_configs": [{"files": [files]}], "relabel_configs": pods},
                {"job_name": "yaml", "file_sd_configs": [{"files": [yaml], "refresh_interval": "1s"}], "relabel_configs": [{"source_labels": ["__meta_filepath"], "regex": ".*/(static).*", "target_label": "file"}]},
                {"job_name": "http_sd", "http_sd_configs": [{"url": "http://%s/sd" % here, "refresh_interval": "500ms"}], "relabel_configs": [{"source_labels": ["__meta_url"], "regex": "(.*)://.*", "target_label": "by"}, {"action": "labelmap", "regex": "__meta_(x)"}]},
                {"job_name": "blackbox", "metrics_path": "/probe", "params": {"module": ["http_2xx"]}, "static_configs": [{"targets": ["https://example.com", "http://example.org:8080/x"]}],
                 "relabel_configs": [{"source_labels": ["__address__"], "target_label": "__param_target"}, {"source_labels": ["__param_target"], "target_label": "instance"}, {"target_label": "__address__", "replacement": here}]},
                job("actions", t, labels={"a": "One", "b": "two", "c": "two", "drop_me": "x", "keep_me": "y", "node": "n7"}, relabel_configs=[
                    {"source_labels": ["a"], "target_label": "lower", "action": "lowercase"}, {"source_labels": ["b"], "target_label": "upper", "action": "uppercase"}, {"source_labels": ["b"], "target_label": "c", "action": "keepequal"},
                    {"source_labels": ["a"], "target_label": "c", "action": "dropequal"}, {"source_labels": ["node"], "modulus": 16, "target_label": "shard", "action": "hashmod"}, {"regex": "drop_.*", "action": "labeldrop"},
                    {"source_labels": ["nope"], "target_label": "none"}, {"source_labels": ["a", "b"], "separator": "/", "regex": "(?P<x>[^/]*)/(.*)", "replacement": "${2}-${x}", "target_label": "both"}, {"regex": "__.*|job|instance|lower|upper|c|shard|both|node", "action": "labelkeep"}]),
                job("sharded_away", t, relabel_configs=[{"source_labels": ["__address__"], "modulus": 1, "target_label": "__tmp_hash", "action": "hashmod"}, {"source_labels": ["__tmp_hash"], "regex": "^1$", "action": "keep"}]),
                job("every", t, relabel_configs=[{"target_label": "__scrape_interval__", "replacement": "200ms"}, {"target_label": "__scrape_timeout__", "replacement": "100ms"}, {"target_label": "instance", "replacement": "named"}, {"source_labels": ["__scrape_interval__"], "target_label": "interval"}]),
                job("series", t, metric_relabel_configs=[
                    {"source_labels": ["__name__"], "regex": "rpc_.*", "action": "drop"}, {"source_labels": ["__name__", "code"], "regex": "http_requests_total;400", "action": "drop"}, {"source_labels": ["__name__"], "regex": "(no)_type", "target_label": "__name__", "replacement": "some_$1"},
                    {"source_labels": ["method"], "target_label": "verb"}, {"regex": "method|room", "action": "labeldrop"}, {"source_labels": ["code"], "regex": "(.)..", "replacement": "${1}xx", "target_label": "class"}, {"source_labels": ["__name__", "le"], "regex": ".*_bucket;0.05", "action": "drop"}]),
                job("only", t, metric_relabel_configs=[{"source_labels": ["__name__"], "regex": "temperature|no_type", "action": "keep"}]),
                job("none", t, metric_relabel_configs=[{"source_labels": ["__name__"], "regex": "nothing", "action": "keep"}]),
                job("job_renamed", t, metric_relabel_configs=[{"target_label": "job", "replacement": "renamed"}]), job("instance_renamed", t, relabel_configs=[{"target_label": "job", "replacement": "other"}, {"source_labels": ["__metrics_path__"], "target_label": "path"}]),
            ]
        self.check(make, unasked=["/sharded_away"])

    def test_series_that_come_and_go(self):
        def turns(*answers):
            """An answer for each scrape; the last one stays. A number is a status."""
            made = []

            def answer(_):
                made.append(1)
                one = answers[min(len(made), len(answers)) - 1]
                return (one, TEXT, "no") if isinstance(one, int) else (200, TEXT, one)
            return answer

        def make(t):
            less = "".join(line + "\n" for line in USUAL.splitlines() if not re.match(r"http_requests_total.*400|rpc_duration_seconds|no_type", line))
            reset = USUAL.replace(" 1027", " 5").replace(" 144320", " 33445").replace(" 2693", " 1")
            answers = {"vanish": (USUAL, less), "vanish_and_return": (USUAL, less, USUAL), "fail": (USUAL, 500), "fail_and_return": (USUAL, 503, USUAL), "break": (USUAL, USUAL + "b{ 1\n"), "empty": (USUAL, ""), "reset": (USUAL, USUAL, reset), "timed": (TIMED, "b_total 6\n"), "tracked": (TIMED, "b_total 6\n"),
                       "grow": (less, USUAL), "types": ("# TYPE a counter\na 1\n", "# TYPE a gauge\na 2\n"), "samples": (USUAL, USUAL), "label_values": (USUAL, "a{b=\"%s\"} 1\n" % ("x" * 100))}
            jobs = [job(name, t) for name in answers]
            for name, list_of in answers.items():
                t.answers["/" + name] = turns(*list_of)
            by_name = {one["job_name"]: one for one in jobs}
            by_name["tracked"]["track_timestamps_staleness"] = True
            by_name["samples"].update(sample_limit=13)
            by_name["label_values"].update(label_value_length_limit=50)
            return jobs
        self.check(make, scrapes=4)

    def test_others_speak_for_many(self):
        """Federation and the push gateway: labels of the answer win, so an answer is about many resources."""
        federate = "# TYPE up untyped\n" + "".join('up{instance="%s",job="%s",__replica__="a"} 1 1700000000123\n' % (i, j) for i in "ab" for j in ("x", "y"))
        push = """# TYPE job_time gauge
job_time{instance="",job="batch"} 3
job_time{instance="i",job="batch",otel_scope_name="s"} 4
# TYPE push_time_seconds gauge
push_time_seconds{instance="",job="batch"} 1.7e9
# TYPE target_info gauge
target_info{instance="i",job="batch",version="7"} 1
own 1
"""
        self.check(lambda t: [job("federate", t, federate, honor_labels=True, params={"match[]": ['{job=~".+"}']}), job("push", t, push, honor_labels=True), job("not_honored", t, federate), job("no_job", t, 'a{job=""} 1\nb{instance=""} 2\n', honor_labels=True)])

    def test_odd_texts(self):
        odd = {
            "numbers": "a 0x1p-2\nb 1_000\nc +1\nd .5\ne 1e400\nf Inf\ng -0\nh nan\n", "more_numbers": "a +Inf\nb 1e-320\nc 9007199254740993\nd 5.\n", "escapes": 'a{b="x\\\\y\\"z\\n",c="\\t"} 1\n', "spaces": 'a { b = "c" , d = "e" , } 1 \nb\t2\n',
            "times": "a 1 0\nb 1 -1\nc 1 1e3\n", "more_times": "a 1 1700000000000\nb 2 99999999999999\n", "names": ":a:b 1\n_ 2\n__c 3\n", "bad_name": "1a 1\n", "bad_label": 'a{1b="c"} 1\n', "twice_a_label": 'a{b="c",b="d"} 1\n', "help": "# HELP a b\\\\c\\nd  \n# TYPE a gauge\n# HELP a other\na 1\n# UNIT a x\n# a comment\n#no\n",
            "late_type": "a 1\n# TYPE a counter\n", "other_type": "# TYPE a counter\n# TYPE a gauge\na 1\n", "unknown_type": "# TYPE a thing\na 1\n", "upper_type": "# TYPE a COUNTER\na 1\n", "suffixes": "# TYPE a counter\na_total 1\na 2\na_created 3\na_bucket 4\na_count 5\n",
            "counter_total": "# TYPE a_total counter\n# HELP a_total h\na_total 1\n", "counter_both": "# TYPE a counter\n# TYPE a_total counter\na 1\na_total 2\n", "empty_braces": "a{} 1\n", "utf8": 'ü 1\na{b="ü\U0001f600"} 2\n', "quoted": '{"a b",c="d"} 1\n{"e"} 2\n{f="g","h"} 3\n', "quoted_label": 'a{"b c"="d"} 1\n',
            "bucket_order": '# TYPE h histogram\nh_bucket{le="+Inf"} 3\nh_bucket{le="1"} 1\nh_count 3\nh_sum 1\n', "bucket_less": '# TYPE h histogram\nh_bucket{le="1"} 5\nh_bucket{le="2"} 3\nh_bucket{le="+Inf"} 6\nh_count 6\nh_sum 1\n', "bucket_names": '# TYPE h histogram\nh_bucket{le="1.0"} 1\nh_bucket{le="x"} 3\nh_bucket{le="+Inf"} 3\nh_count 3\n',
            "count_other": '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 3\nh_count 5\nh_sum 1\n', "nan_sum": '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 3\nh_count 3\nh_sum NaN\n', "interleaved": '# TYPE h histogram\nh_bucket{a="1",le="1"} 1\nh_bucket{a="2",le="1"} 2\nh_bucket{a="1",le="+Inf"} 3\nh_bucket{a="2",le="+Inf"} 4\nh_count{a="2"} 4\nh_count{a="1"} 3\nh_sum{a="1"} 1\nh_sum{a="2"} 2\n',
            "quantiles": '# TYPE s summary\ns{quantile="0.9"} 1\ns{quantile="0.5"} 2\ns{quantile="x"} 3\ns_count 3\ns_sum 4\n', "no_quantile": "# TYPE s summary\ns 1\ns_count 2\ns_sum 3\n", "negative_count": "# TYPE s summary\ns_count -1\ns_sum 3\n", "stale": "a NaN\n# TYPE c counter\nc -5\n", "le_gauge": '# TYPE g gauge\ng{le="1",quantile="2"} 1\n',
            "own_labels": 'a{job="x",instance="y",exported_job="z"} 1\n', "own_names": "up 7\nscrape_duration_seconds 8\nscrape_samples_scraped 9\n", "nul": "a{b=\"\0\"} 1\n", "bad_utf8": "a{b=\"\udcff\"} 1\n", "long": "a{b=\"%s\"} 1\n" % ("x" * 70000), "many_labels": "a{%s} 1\n" % ",".join('l%d="v"' % i for i in range(300)),
        }
        self.check(lambda t: [job(name, t, text.encode("utf-8", "surrogateescape")) for name, text in odd.items()])

    def test_odd_openmetrics(self):
        odd = {
            "exemplars": '# TYPE c counter\nc_total 1 # {} 2\n# TYPE h histogram\nh_bucket{le="1.0"} 1 # {a="b"} 0.5 1\nh_bucket{le="+Inf"} 2 # {a="b"} 1.5\nh_count 2\nh_sum 3\n# TYPE g gauge\ng 1 # {a="b"} 2\n', "long_exemplar": '# TYPE c counter\nc_total 1 # {a="%s"} 2\n' % ("x" * 200),
            "created": "# TYPE c counter\nc_total 1\nc_created 1600000000\n# TYPE s summary\ns_count 1\ns_sum 2\ns_created 1600000001.5\n# TYPE d counter\nd_created 5\nd_total 6\n", "created_alone": "# TYPE c counter\nc_created 1600000000\n", "info_value": "# TYPE i info\ni_info 2\n", "state": '# TYPE s stateset\ns{s="a"} 2\n', "unknown": "# TYPE u unknown\nu 1\n",
            "unit": "# TYPE a_seconds gauge\n# UNIT a_seconds seconds\na_seconds 1\n", "wrong_unit": "# TYPE a gauge\n# UNIT a seconds\na 1\n", "times": "# TYPE a gauge\na 1 1700000000.123\n# TYPE b gauge\nb 1 1.7e9\n", "counter_without": "# TYPE c counter\nc 1\n", "no_type": "a 1\nb_total 2\n", "blank": "a 1\n\n", "comment": "# hello\na 1\n", "two_spaces": "a  1\n",
            "gauge_histogram": '# TYPE g gaugehistogram\ng_bucket{le="1.0"} 1\ng_bucket{le="+Inf"} 2\ng_gcount 2\ng_gsum 3\n', "float_count": '# TYPE h histogram\nh_bucket{le="1.0"} 1.5\nh_bucket{le="+Inf"} 2.5\nh_count 2.5\nh_sum 3\n', "help": '# HELP a x\\\\y\\"z\\n\n# TYPE a gauge\na 1\n', "quoted": '# TYPE "a b" gauge\n{"a b"} 1\n',
            "scope": '# TYPE a gauge\na{otel_scope_name="n",otel_scope_version="v",otel_scope_a="b"} 1\na{otel_scope_name="n",otel_scope_version="v",otel_scope_a="c"} 2\na{otel_scope_version="v"} 3\na{otel_scope_schema_url="u"} 4\n', "targets": '# TYPE target info\ntarget_info{job="x",a="b"} 1\n# TYPE a gauge\na 1\n',
        }
        self.check(lambda t: [job(name, t, text + "# EOF\n", OPENMETRICS) for name, text in odd.items()])

    def test_target_allocator(self):
        def make(t):
            here = "127.0.0.1:%d" % t.port
            shared = {"scrape_interval": "400ms", "scrape_timeout": "300ms", "metrics_path": "/metrics", "scheme": "http"}
            allocated = {"first": {"job_name": "first", **shared, "relabel_configs": [{"source_labels": ["__meta_pod"], "regex": "(.*)-x", "target_label": "pod", "replacement": "$1"}], "metric_relabel_configs": [{"source_labels": ["__name__"], "regex": "rpc.*", "action": "drop"}]},
                         "serviceMonitor/ns/b/0": {"job_name": "serviceMonitor/ns/b/0", **shared, "honor_labels": True, "params": {"a": ["b"]}}}
            t.answers["/scrape_configs"] = (200, "application/json", json.dumps(allocated))
            t.answers["/jobs/first/targets"] = (200, "application/json", json.dumps([{"targets": [here], "labels": {"__meta_pod": "web-x", "__metrics_path__": "/first", "team": "a"}}]))
            t.answers["/jobs/serviceMonitor%2Fns%2Fb%2F0/targets"] = (200, "application/json", json.dumps([{"targets": [here], "labels": {"__metrics_path__": "/second"}}]))
            for path in ("/first", "/second"):
                t.answers[path] = (200, TEXT, USUAL)
            return [job("own", t)]
        self.check(make, receiver=lambda t: {"target_allocator": {"endpoint": "http://127.0.0.1:%d" % t.port, "interval": "1s", "collector_id": "collector-0", "http_sd_config": {"refresh_interval": "1s"}}}, scrapes=1)

    def test_kubernetes(self):
        """Pods, services and endpoints of an API server that knows lists only."""
        def named(name, **more):
            return {"metadata": {"name": name, "namespace": "shop", "uid": "u-" + name, "labels": {"app": name, "app.kubernetes.io/name": "x"}, "annotations": {"prometheus.io/scrape": "true", "prometheus.io/path": "/pods"}}, **more}

        def make(t):
            pod = lambda name, **more: named(name, spec={"nodeName": "n1", "containers": [{"name": "c", "image": "i:1", "ports": [{"name": "http", "containerPort": t.port, "protocol": "TCP"}]}, {"name": "d", "image": "j"}], "initContainers": [{"name": "init", "image": "k"}]},
                                             status={"phase": "Running", "podIP": "127.0.0.1", "podIPs": [{"ip": "127.0.0.1"}], "hostIP": "10.0.0.1", "conditions": [{"type": "Ready", "status": "True"}], **more})
            lists = {"pods": ("PodList", "v1", [pod("web"), pod("old", phase="Failed")]), "services": ("ServiceList", "v1", [named("svc", spec={"type": "ClusterIP", "clusterIP": "10.1.1.1", "ports": [{"name": "http", "port": t.port, "protocol": "TCP"}]})]),
                     "endpoints": ("EndpointsList", "v1", [named("svc", subsets=[{"addresses": [{"ip": "127.0.0.1", "nodeName": "n1", "targetRef": {"kind": "Pod", "name": "web", "namespace": "shop"}}], "ports": [{"name": "http", "port": t.port, "protocol": "TCP"}]}])]),
                     "nodes": ("NodeList", "v1", [named("n1", status={"addresses": [{"type": "InternalIP", "address": "127.0.0.1"}, {"type": "Hostname", "address": "n1"}], "daemonEndpoints": {"kubeletEndpoint": {"Port": t.port}}})])}

            def answer(kind, version, items):
                def say(request):
                    if "sendInitialEvents" in request.path:
                        return 422, "application/json", json.dumps({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Invalid", "code": 422, "message": "no"})
                    if "watch=" in request.path:
                        return None, None, ""
                    return 200, "application/json", json.dumps({"kind": kind, "apiVersion": version, "metadata": {"resourceVersion": "7"}, "items": [{**item, "metadata": {**item["metadata"], "resourceVersion": "5"}} for item in items]})
                return say
            for path, list_of in lists.items():
                t.answers["/api/v1/" + path] = t.answers["/api/v1/namespaces/shop/" + path] = answer(*list_of)
            for path in ("/pods", "/metrics"):
                t.answers[path] = (200, TEXT, "a 1\n")
            everything = [{"action": "labelmap", "regex": "__meta_kubernetes_(.+)"}]
            path = [{"source_labels": ["__meta_kubernetes_%s_annotation_prometheus_io_path" % kind], "regex": "(.+)", "target_label": "__metrics_path__"} for kind in ("pod", "service")]
            sd = lambda role, **more: [{"role": role, "api_server": "http://127.0.0.1:%d" % t.port, "namespaces": {"names": ["shop"]}, **more}]
            return [{"job_name": "pods", "kubernetes_sd_configs": sd("pod"), "relabel_configs": everything + path + [{"source_labels": ["__meta_kubernetes_pod_phase"], "regex": "Failed", "action": "drop"}, {"source_labels": ["__meta_kubernetes_pod_container_init"], "regex": "false", "action": "keep"}]},
                    {"job_name": "endpoints", "kubernetes_sd_configs": sd("endpoints"), "relabel_configs": everything + path},
                    {"job_name": "nodes", "kubernetes_sd_configs": [{"role": "node", "api_server": "http://127.0.0.1:%d" % t.port}], "relabel_configs": everything},
                    {"job_name": "services", "kubernetes_sd_configs": sd("service"), "relabel_configs": everything + [{"target_label": "__address__", "replacement": "127.0.0.1:%d" % t.port}]}]
        # How the API is asked is each client's affair.
        self.check(make, unasked=["/api/v1/" + path for path in ("pods", "services", "endpoints", "nodes")] + ["/api/v1/namespaces/shop/" + path for path in ("pods", "services", "endpoints", "nodes")], told=["pods", "services", "endpoints", "nodes"])

    def test_ways_there(self):
        def make(t):
            here = "127.0.0.1:%d" % t.port
            t.answers["/token"] = (200, "application/json", json.dumps({"access_token": "abc", "token_type": "Bearer", "expires_in": 3600}))
            t.answers["http://nowhere.test:8080/proxied"] = (200, TEXT, USUAL)
            return [job("oauth", t, oauth2={"client_id": "me", "client_secret": "s", "token_url": "http://%s/token" % here, "scopes": ["x", "y"], "endpoint_params": {"audience": "z"}}),
                    {**job("proxied", t), "proxy_url": "http://%s" % here, "static_configs": [{"targets": ["nowhere.test:8080"]}]}, {**job("not_proxied", t), "proxy_url": "http://127.0.0.1:1", "no_proxy": "127.0.0.1"},
                    {**job("ipv6", t), "static_configs": [{"targets": ["[::ffff:127.0.0.1]:%d" % t.port]}]}, {**job("named", t), "static_configs": [{"targets": ["localhost:%d" % t.port]}]}]
        self.check(make, unasked=["/token", "/proxied", "/nowhere", "http://nowhere.test:8080/proxied"])

    def test_global_settings(self):
        for trims in (False, True):
            with self.subTest(trim_metric_suffixes=trims):
                self.check(lambda t: [job("plain", t), job("info", t, INFO.split(" # {")[0] + "\n# EOF\n", OPENMETRICS), job("external", t, labels={"cluster": "own"})],
                           config={"global": {"external_labels": {"cluster": "c1", "replica": "r"}, "scrape_native_histograms": True}}, receiver={"trim_metric_suffixes": trims})

    def test_files_with_jobs(self):
        def make(t):
            self.path("more.yml", json.dumps({"scrape_configs": [{**job("from_file", t), "scrape_interval": "400ms", "scrape_timeout": "300ms"}]}))
            return [job("plain", t)]
        self.check(make, config={"scrape_config_files": [os.path.join(self.folder.name, "mo*.yml")]})


if __name__ == "__main__":
    unittest.main()
