"""What weir says about itself: metrics to scrape and to be sent, log lines, spans."""
import os, sys, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "clients"))
from backend import *


class Telemetry(unittest.TestCase):
    def setUp(self):
        self.sink, self.port = Sink(), free_port()
        self.addCleanup(self.sink.close)

    def weir(self, telemetry, ready=(), args=(), **options):
        return Weir(pipeline(self.port, self.sink.port, telemetry=telemetry, **options), ready=[self.port, *ready], args=list(args))

    def test_all_signals_go_to_a_backend_over_http_and_grpc(self):
        for protocol, slash in (("grpc", ""), ("http/protobuf", ""), ("http/protobuf", "/v1/%s")):
            with self.subTest(protocol=protocol, slash=slash), Backend() as backend:
                url = backend.endpoint(protocol.split("/")[0]) + slash
                def exporter(signal):
                    at = url % signal if "%s" in url else url
                    return "exporter: {otlp: {protocol: %s, endpoint: '%s', headers: [{name: k, value: v}]}}" % (protocol, at)
                telemetry = """
    resource: {service.name: edge, team: blue, service.version: null}
    metrics: {level: normal, readers: [{periodic: {interval: 100, %s}}]}
    traces: {processors: [{batch: {schedule_delay: 50, %s}}]}
    logs: {initial_fields: {zone: a}, processors: [{simple: {%s}}]}
""" % (exporter("metrics"), exporter("traces"), exporter("logs"))
                config = pipeline(self.port, self.sink.port, telemetry="X").replace("telemetry: {X}", "telemetry:" + telemetry)
                with Weir(config, ready=[self.port]) as weir:
                    self.assertEqual(post(self.port, "/v1/traces", traces(1, 2, 3))[0], 200)
                    wait_for(lambda: any(m["name"] == "otelcol_exporter_sent_spans" for _, _, m in backend.metrics()), what="metrics")
                    wait_for(lambda: len(backend.spans()) >= 2, what="spans")
                    self.assertEqual(weir.stop(), 0)
                self.check_metrics(backend)
                self.check_spans(backend)
                self.check_logs(backend)

    def check_metrics(self, backend):
        latest = {metric["name"]: (resource, metric) for resource, _, metric in backend.metrics()}
        resource, accepted = latest["otelcol_receiver_accepted_spans"]
        self.assertEqual({k: resource.get(k) for k in ("service.name", "team", "service.version")}, {"service.name": "edge", "team": "blue", "service.version": None})
        self.assertTrue(resource["service.instance.id"])
        self.assertEqual((accepted["sum"]["isMonotonic"], accepted["sum"]["aggregationTemporality"]), (True, 2))
        point = accepted["sum"]["dataPoints"][0]
        self.assertEqual((int(point["asInt"]), attributes(point)), (3, {"receiver": "otlp", "transport": "http"}))
        self.assertEqual(latest["otelcol_process_memory_rss"][1]["unit"], "By")

    def check_spans(self, backend):
        found = {span["name"]: span for _, _, span in backend.spans()}
        taken, sent = found["receiver/otlp/TraceDataReceived"], found["exporter/otlphttp/traces"]
        self.assertEqual(attributes(taken), {"transport": "http", "accepted_spans": 3, "refused_spans": 0})
        self.assertEqual(attributes(sent), {"exporter": "otlphttp", "data_type": "traces", "items.sent": 3, "items.failed": 0})
        self.assertLess(0, int(taken["startTimeUnixNano"]))
        self.assertLessEqual(int(taken["startTimeUnixNano"]), int(taken["endTimeUnixNano"]))

    def check_logs(self, backend):
        records = [record for _, _, record in backend.logs()]
        said = {plain(record["body"]): record for record in records}
        self.assertIn("Everything is ready. Begin running and processing data.", said)
        self.assertEqual(said["Everything is ready. Begin running and processing data."]["severityNumber"], 9)

    def test_delta_temporality_adds_up(self):
        with Backend() as backend:
            reader = "{periodic: {interval: 50, exporter: {otlp: {protocol: grpc, endpoint: '%s', temporality_preference: delta}}}}" % backend.endpoint("grpc")
            with self.weir("metrics: {readers: [%s]}" % reader) as weir:
                for i in range(5):
                    post(self.port, "/v1/traces", traces(i))
                    time.sleep(0.06)
                self.assertEqual(weir.stop(), 0)
            points = [int(point["asInt"]) for _, _, metric in backend.metrics() if metric["name"] == "otelcol_receiver_accepted_spans"
                      for point in metric["sum"]["dataPoints"]]
            self.assertGreater(len(points), 3)
            self.assertEqual(sum(points), 5)

    def test_an_unreachable_backend_of_own_telemetry_harms_nothing(self):
        nowhere = "exporter: {otlp: {protocol: grpc, endpoint: 'http://127.0.0.1:%d'}}" % free_port()
        with self.weir("metrics: {readers: [{periodic: {interval: 20, %s}}]}, traces: {processors: [{batch: {%s}}]}" % (nowhere, nowhere)) as weir:
            for i in range(100):
                self.assertEqual(post(self.port, "/v1/traces", traces(i))[0], 200)
            weir.stop(20)
        self.assertEqual(len(self.sink.spans()), 100)

    def test_prometheus_readers_and_their_names(self):
        plain_port, suffixed = free_port(), free_port()
        readers = """[{pull: {exporter: {prometheus: {host: 127.0.0.1, port: %d}}}},
          {pull: {exporter: {prometheus: {host: 127.0.0.1, port: %d, without_units: false, without_type_suffix: false,
                                          with_resource_constant_labels: {included: ["service.*"], excluded: ["service.instance.id"]}}}}}]""" % (plain_port, suffixed)
        with self.weir("resource: {service.name: edge, team: blue}, metrics: {readers: %s}" % readers, ready=[plain_port, suffixed]):
            post(self.port, "/v1/traces", traces(1))
            text = wait_for(lambda: (t := get(plain_port, "/metrics")[1]) and "otelcol_exporter_sent_spans" in t and t)
            self.assertIn('otelcol_receiver_accepted_spans{receiver="otlp",transport="http"} 1\n', text)
            self.assertRegex(text, r'target_info\{[^}]*service_name="edge"[^}]*team="blue"[^}]*\} 1')
            for name in ("uptime", "cpu_seconds", "memory_rss", "runtime_heap_alloc_bytes", "runtime_total_alloc_bytes", "runtime_total_sys_memory_bytes"):
                self.assertRegex(text, r"\notelcol_process_%s [0-9.]+\n" % name)
            text = get(suffixed, "/metrics")[1]
            self.assertRegex(text, r'otelcol_receiver_accepted_spans_total\{receiver="otlp",transport="http",service_name="edge",service_version="[^"]*"\} 1\n')
            self.assertRegex(text, r"\notelcol_process_uptime_seconds_total\{")
            self.assertRegex(text, r"\notelcol_process_memory_rss_bytes\{")

    def test_detailed_metrics_are_there_when_asked_for(self):
        names = ("http_server_request_duration_count", "http_server_request_body_size_count", "otelcol_exporter_queue_batch_send_size_bytes_count", "otelcol_exporter_enqueue_size_count")
        for level, wanted in (("normal", False), ("detailed", True)):
            own = free_port()
            telemetry = "metrics: {level: %s, readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: %d}}}}]}" % (level, own)
            with self.subTest(level=level), self.weir(telemetry, ready=[own]):
                self.assertEqual(post(self.port, "/v1/traces", traces(1, 2, 3))[0], 200)
                text = wait_for(lambda: (t := get(own, "/metrics")[1]) and 'otelcol_exporter_sent_spans{exporter="otlphttp"} 3' in t and t)
                for name in names:
                    self.assertEqual(name in text, wanted, name)
                if wanted:
                    line = next(l for l in text.splitlines() if l.startswith(names[0]))
                    self.assertIn('http_request_method="POST",http_response_status_code="200",http_route="/v1/traces"', line)
                    self.assertTrue(line.endswith(" 1"), line)

    def test_own_metrics_can_be_read_when_memory_is_full(self):
        own = free_port()
        self.sink.answer = lambda path, body: (503, {})
        with self.weir("metrics: {address: '127.0.0.1:%d'}" % own, processors="  memory_limiter: {check_interval: 1s, limit_mib: 5}\n", chain="memory_limiter", ready=[own], args=["--data-dir", "none"]):
            wait_for(lambda: post(self.port, "/v1/traces", traces(*range(1, 200)))[0] in (413, 503), what="a refusal for lack of memory")
            self.assertIn("otelcol_process_memory_rss", get(own, "/metrics")[1])

    def test_gauges_go_with_their_stage_and_counters_stay(self):
        own = free_port()
        config = """
receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:%d"}}}}
connectors: {spanmetrics: {metrics_flush_interval: %%dms}}
exporters: {nop: {}}
service:
  telemetry: {metrics: {address: "127.0.0.1:%d"}}
  pipelines: {traces: {receivers: [otlp], exporters: [spanmetrics]}, metrics: {receivers: [spanmetrics], exporters: [nop]}}
""" % (self.port, own)
        series = lambda: [line for line in get(own, "/metrics")[1].splitlines() if line.startswith("weir_spanmetrics_series{")]
        with Weir(config % 50, ready=[self.port, own]) as weir:
            first = None
            for reload in range(4):
                if reload:
                    weir.write(config % (50 + reload))  # other settings: another stage
                    weir.signal(signal.SIGHUP)
                    wait_for(lambda: weir.output().count("Everything is ready") == reload + 1, what="the reload")
                self.assertEqual(post(self.port, "/v1/traces", traces(1, 2, 3))[0], 200)
                first = first or wait_for(lambda: (s := series()) and not s[0].endswith(" 0") and s, what="series")
                wait_for(lambda: series() == first, what="%s after %d reloads, not %s" % (first, reload, series()))
            self.assertRegex(get(own, "/metrics")[1], r'otelcol_receiver_accepted_spans\{[^}]*receiver="otlp"[^}]*\} 12\n')
            self.assertEqual(weir.stop(), 0)

    def test_json_lines_in_a_file(self):
        with self.weir("metrics: {level: none}, logs: {level: DEBUG, encoding: json, output_paths: [own.log], initial_fields: {zone: a}}") as weir:
            self.assertEqual(weir.stop(), 0)
            with open(os.path.join(weir.folder.name, "own.log")) as f:
                lines = [json.loads(line) for line in f]
            self.assertIn("Everything is ready. Begin running and processing data.", [line["msg"] for line in lines])
            self.assertEqual({line["zone"] for line in lines}, {"a"})
            self.assertEqual({line["level"] for line in lines}, {"info"})

    def test_errors_have_their_places(self):
        with self.assertRaises(AssertionError) as raised:
            self.weir("metrics: {readers: [{periodic: {exporter: {otlp: {protocol: grcp, endpoint: x, endpiont: y}}}}]}, traces: {processors: [{batch: {}}, {bach: {}}]}")
        for part in ("config.yaml:15:", "service::telemetry::metrics::readers::0", "grcp", "did you mean 'endpoint'", "traces::processors::0", "needs an exporter", "did you mean 'batch'"):
            self.assertIn(part, str(raised.exception))


if __name__ == "__main__":
    unittest.main()
