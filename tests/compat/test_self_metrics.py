"""Own metrics on /metrics: the same traffic through both collectors gives the same series.

Intended differences: series that the Go collector makes only after the first event are at zero here from the start; weir_* and
processor_accepted_* (the names before 0.155) are additions; sent items carry no server_address, server_port, url_path; counts of
batches and fills of queues depend on the number of cores; otelcol_exporter_in_flight_requests is there for exporters with a queue.
"""
import re, unittest

from peer import *

SETTINGS = """
receivers:
  otlp: {protocols: {http: {endpoint: 127.0.0.1:@in@}}}
processors:
  batch: {timeout: 50ms}
  memory_limiter: {check_interval: 1s, limit_mib: 1000}
exporters:
  otlphttp: {endpoint: "http://127.0.0.1:@sink@", encoding: json, compression: none, retry_on_failure: {enabled: false}}
  debug: {}
service:
  telemetry:
    resource: {service.name: edge, service.version: "1", service.instance.id: one}
    metrics: {level: normal, readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: @own@%s}}}}]}
  pipelines:
    traces: {receivers: [otlp], processors: [memory_limiter, batch], exporters: [otlphttp, debug]}
    logs: {receivers: [otlp], processors: [memory_limiter, batch], exporters: [otlphttp]}
"""
# Their values are their own, but they must be there.
LIVING = re.compile(r"otelcol_process_|otelcol_processor_batch_|otelcol_exporter_queue_size|otelcol_exporter_in_flight_requests")
SERIES = re.compile(r'([a-zA-Z_:]+)(?:\{(.*)\})? (\S+)$')
MOVING_LABELS = {"server_address", "server_port", "url_path"}


def scrape(text):
    """-> {(name, sorted labels): value}, {name: type}"""
    series, types = {}, {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            types[name] = kind
        elif not line.startswith("#"):
            name, labels, value = SERIES.match(line).groups()
            pairs = sorted((k, v) for k, v in re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels or "") if k not in MOVING_LABELS)
            series[name, tuple(pairs)] = float(value)
    return series, types


@unittest.skipUnless(otelcol(), "needs the Go collector: set WEIR_OTELCOL")
class SelfMetrics(unittest.TestCase):
    def of(self, program, options, status=200):
        sink, places = Sink(), Places()
        self.addCleanup(sink.close)
        sink.answer = lambda path, body: (status, {})
        places.ports["sink"] = sink.port
        with Collector(program, places.fill(SETTINGS % options), ready=[places["in"], places["own"]]) as collector:
            for i in range(4):
                self.assertEqual(post(places["in"], "/v1/traces", traces(*range(5 * i, 5 * i + 5)))[0], 200)
            done = "otelcol_exporter_send_failed_spans" if status != 200 else "otelcol_exporter_sent_spans"
            def settled():
                text = get(places["own"], "/metrics")[1]
                found = sum(v for (name, labels), v in scrape(text)[0].items() if name.startswith(done) and ("exporter", "otlphttp") in labels)
                return found == 20 and text
            text = wait_for(settled, what="20 spans counted by " + collector.name)
            collector.stop()
        return scrape(text)

    def compare(self, options="", status=200):
        (theirs, their_types), (ours, our_types) = self.of(otelcol(), options, status), self.of(binary(), options, status)
        for (name, labels), value in theirs.items():
            if name.startswith("promhttp_") or (name.endswith("_bucket") and LIVING.match(name)):
                continue
            if name.startswith("otelcol_exporter_in_flight") and ("exporter", "debug") in labels:
                continue
            labels = tuple(pair for pair in labels if pair[0] not in ("error_type", "error_permanent"))
            with self.subTest(series=name, labels=labels):
                self.assertIn((name, labels), ours)
                if not LIVING.match(name):
                    self.assertEqual(ours[name, labels], value)
        for name, kind in their_types.items():
            if not name.startswith("promhttp_"):
                with self.subTest(type=name):
                    self.assertEqual(our_types.get(name), kind)

    def test_what_is_delivered(self):
        self.compare()

    def test_what_is_refused_for_good(self):
        self.compare(status=400)

    def test_names_with_suffixes(self):
        self.compare(", without_units: false, without_type_suffix: false")


if __name__ == "__main__":
    unittest.main()
