"""What changes nothing or a few attributes gives the same OTLP from both programs, and each understands what the other sends."""
import unittest

from peer import *

ACTIONS = """
      - {key: user.id, value: 7, action: insert}
      - {key: http.method, value: REDACTED, action: update}
      - {key: region, value: north, action: upsert}
      - {key: db.system, action: delete}
      - {key: copy, from_attribute: n, action: upsert}
      - {key: k.1, action: hash}
      - {pattern: "^k[.][23]$", action: delete}
      - {key: http.status_code, action: convert, converted_type: string}
"""
ATTRIBUTES = "  attributes:\n    actions:" + ACTIONS
RESOURCE = "  resource:\n    attributes:" + ACTIONS
SOME_SPANS = """  attributes/some:
    include: {match_type: regexp, services: ["^shop$"], span_names: ["GET", "été"]}
    exclude: {match_type: strict, attributes: [{key: n}]}
    actions: [{key: chosen, value: true, action: insert}]
"""


def requests(signals=SIGNALS, seeds=range(4), items=60):
    return [(signal, Telemetry(seed).request(signal, items)) for signal in signals for seed in seeds]


class OneProgram(Differential):
    def test_pass_through(self):
        sent = requests(seeds=range(10))
        reference = self.same(template(SIGNALS), sent)
        self.assertEqual(difference(records([request for _, request in sent]), reference.records(), names=("sent", "both")), "")

    def test_batches_are_cut_and_joined(self):
        for settings in ("timeout: 10s, send_batch_size: 100000", "timeout: 10s, send_batch_size: 50, send_batch_max_size: 70", "timeout: 20ms, send_batch_size: 10"):
            with self.subTest(settings):
                # The Go collector loses the metadata of a metric that it cuts in two.
                self.same(template(SIGNALS, "  batch: {%s}" % settings, ["batch"]), requests(), ignore=["^metric.metadata"])

    def test_batch_sizes(self):
        config = template("traces", "  batch: {timeout: 10s, send_batch_size: 30, send_batch_max_size: 30}", ["batch"])
        sizes = [[len(records([request])) for request in outcome.requests] for outcome in self.both(config, requests(["traces"]))]
        self.assertEqual(sorted(sizes[0]), sorted(sizes[1]))

    def test_attributes(self):
        self.same(template(SIGNALS, ATTRIBUTES, ["attributes"]), requests())

    def test_attributes_of_some_spans(self):
        self.same(template("traces", SOME_SPANS, ["attributes/some"]), requests(["traces"], range(10)))

    def test_resource(self):
        self.same(template(SIGNALS, RESOURCE, ["resource"]), requests())

    def test_memory_limiter_with_room(self):
        self.same(template(SIGNALS, "  memory_limiter: {check_interval: 1s, limit_mib: 1000, spike_limit_mib: 100}", ["memory_limiter"]), requests())

    def test_fan_out_keeps_the_branches_apart(self):
        config = RECEIVER + "processors:\n" + ATTRIBUTES + "  resource: {attributes: [{key: branch, value: b, action: insert}]}\n" + EXPORTER + """
service:
  pipelines:
    traces/a: {receivers: [otlp], processors: [attributes], exporters: [otlphttp]}
    traces/b: {receivers: [otlp], processors: [resource], exporters: [otlphttp]}
    traces/c: {receivers: [otlp], exporters: [otlphttp]}
    logs/a: {receivers: [otlp], processors: [attributes], exporters: [otlphttp]}
    logs/b: {receivers: [otlp], exporters: [otlphttp]}
    metrics/a: {receivers: [otlp], processors: [attributes], exporters: [otlphttp]}
    metrics/b: {receivers: [otlp], exporters: [otlphttp]}
"""
        self.same(config, requests())

    def test_forward(self):
        config = RECEIVER + "connectors: {forward: , forward/2: }\nprocessors:\n" + ATTRIBUTES + EXPORTER + """
service:
  pipelines:
    traces/in: {receivers: [otlp], exporters: [forward, forward/2]}
    traces/a: {receivers: [forward], processors: [attributes], exporters: [otlphttp]}
    traces/b: {receivers: [forward/2], exporters: [otlphttp]}
"""
        self.same(config, requests(["traces"]))

    def test_answers_to_bad_requests(self):
        rows = [(b"{", "application/json", ""), (b"\xff\xff", "application/x-protobuf", ""), (b"x", "text/plain", ""), (b"", "application/x-protobuf", ""),
                (b"{}", "application/json", ""), (b'{"resourceSpans": 5}', "application/json", ""), (b'{"unknown": [1]}', "application/json", ""),
                (b"not gzip", "application/json", "gzip"), (b"{}", "application/json", "br"), (b"{}", "application/json; charset=utf-8", ""),
                (b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"xyz"}]}]}]}', "application/json", ""),
                (b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"abcd"}]}]}]}', "application/json", "")]

        def feed(places, _):
            return [post(places["in"], "/v1/traces", body, {"Content-Type": kind, **({"Content-Encoding": encoding} if encoding else {})})[0]
                    for body, kind, encoding in rows]
        self.same(template("traces"), [], feed=feed)


FRONT = """
exporters:
  otlp: {endpoint: "127.0.0.1:@grpc@", tls: {insecure: true}, compression: "%(compression)s"}
  otlphttp: {endpoint: "http://127.0.0.1:@http@", compression: "%(compression)s", encoding: %(encoding)s}
service:
  telemetry: {metrics: {level: none}}
  pipelines:
    traces: {receivers: [otlp], exporters: [%(exporter)s]}
    metrics: {receivers: [otlp], exporters: [%(exporter)s]}
    logs: {receivers: [otlp], exporters: [%(exporter)s]}
"""
BACK = """
receivers:
  otlp:
    protocols:
      grpc: {endpoint: "127.0.0.1:@grpc@"}
      http: {endpoint: "127.0.0.1:@http@"}
""" + EXPORTER + """
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [otlphttp]}
    metrics: {receivers: [otlp], exporters: [otlphttp]}
    logs: {receivers: [otlp], exporters: [otlphttp]}
"""
WAYS = [("otlp", "proto", compression) for compression in ("none", "gzip", "zstd", "snappy")]
WAYS += [("otlphttp", "proto", compression) for compression in ("none", "gzip", "zstd", "snappy", "zlib", "deflate", "lz4")]
WAYS += [("otlphttp", "json", compression) for compression in ("none", "gzip")]


class TwoPrograms(Differential):
    """One program sends to the other, in each way there is."""

    def test_each_way(self):
        sent = requests(seeds=range(2))
        expected = records([request for _, request in sent])
        for front, back in ((otelcol(), binary()), (binary(), otelcol()), (binary(), binary())):
            for exporter, encoding, compression in WAYS:
                with self.subTest(front=os.path.basename(front), back=os.path.basename(back), exporter=exporter, encoding=encoding, compression=compression):
                    config = RECEIVER + FRONT % {"exporter": exporter, "encoding": encoding, "compression": compression}
                    self._through(config, front, back, sent, expected)

    def _through(self, config, front, back, sent, expected):
        def feed(places, requests):
            wait_for(lambda: connectable(places["grpc"]) and connectable(places["http"]))
            with Collector(front, places.fill(config), ready=[places["in"]]) as sender:
                answers = send(places, requests)
                self.assertEqual(sender.stop(), 0)
                return answers
        outcome = run(back, BACK, sent, feed=feed)
        self.assertEqual(outcome.answers, [200] * len(sent))
        self.assertEqual(difference(expected, outcome.records(), names=("sent", "arrived")), "")


if __name__ == "__main__":
    unittest.main()
