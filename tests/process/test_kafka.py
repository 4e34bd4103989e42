"""Through Kafka and back: all encodings, offsets that move with settlement, members that come and go.
The brokers are librdkafka's mock; with WEIR_ALL a real Kafka, too."""
import os, sys, unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import *
import kafka

WRITER = """
receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:%(port)d", include_metadata: true}}}}
exporters:
  kafka: {brokers: ["%(brokers)s"], sending_queue: {enabled: false}, %(settings)s}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {%(signal)s: {receivers: [otlp], exporters: [kafka]}}
"""
READER = """
receivers:
  kafka: {brokers: ["%(brokers)s"], initial_offset: earliest, session_timeout: 6s, heartbeat_interval: 500ms, autocommit: {interval: 100ms}, error_backoff: {initial_interval: 100ms, max_interval: 200ms}, %(settings)s}
exporters:
  otlphttp: {endpoint: "http://127.0.0.1:%(sink)d", encoding: json, compression: none, sending_queue: {enabled: false}, retry_on_failure: {enabled: false}}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {%(signal)s: {receivers: [kafka], exporters: [otlphttp]}}
"""


def names(sink):
    return sorted(span["name"] for span in sink.spans())


class Kafka(unittest.TestCase):
    start_brokers = kafka.Brokers

    def setUp(self):
        self.brokers, self.sink, self.port = self.start_brokers(topics=[("otlp_spans", 4), ("otlp_logs", 1)]), Sink(), free_port()
        self.addCleanup(self.brokers.close)
        self.addCleanup(self.sink.close)

    def writer(self, settings="", signal="traces"):
        return Weir(WRITER % {"port": self.port, "brokers": self.brokers.addresses, "settings": settings, "signal": signal}, ready=[self.port])

    def reader(self, settings="", signal="traces"):
        return Weir(READER % {"brokers": self.brokers.addresses, "sink": self.sink.port, "settings": settings, "signal": signal})

    def write(self, *ids, path="/v1/traces", body=None, **fields):
        status, _, said = post(self.port, path, body or traces(*ids, **fields), {"x-tenant": "blue"})
        self.assertEqual(status, 200, said)

    def test_traces_in_every_encoding(self):
        encodings = ("otlp_proto", "otlp_json", "jaeger_proto", "jaeger_json", "zipkin_proto", "zipkin_json")

        def each(line):
            return "".join("  %s\n" % (line % {"e": encoding, "brokers": self.brokers.addresses}) for encoding in encodings)

        config = """
receivers:
  otlp: {protocols: {http: {endpoint: "127.0.0.1:%d"}}}
%s
processors:
%s
exporters:
  otlphttp: {endpoint: "http://127.0.0.1:%d", encoding: json, compression: none, sending_queue: {enabled: false}}
%s
service:
  telemetry: {metrics: {level: none}}
  pipelines:
    traces: {receivers: [otlp], exporters: [%s]}
%s
""" % (self.port, each('kafka/%(e)s: {brokers: ["%(brokers)s"], initial_offset: earliest, group_id: %(e)s, traces: {topics: [%(e)s], encoding: %(e)s}}'),
       each("resource/%(e)s: {attributes: [{key: way, value: %(e)s, action: insert}]}"), self.sink.port,
       each('kafka/%(e)s: {brokers: ["%(brokers)s"], sending_queue: {enabled: false}, partition_traces_by_id: true, traces: {topic: %(e)s, encoding: %(e)s}}'),
       ", ".join("kafka/" + encoding for encoding in encodings), each("  traces/%(e)s: {receivers: [kafka/%(e)s], processors: [resource/%(e)s], exporters: [otlphttp]}"))
        with Weir(config, ready=[self.port]):
            self.write(1, 2, 3, status={"code": 2})
            wait_for(lambda: len(self.sink.spans()) == 3 * len(encodings), what="three spans each way")
        found = {}
        for request in self.sink.json():
            for group in request["resourceSpans"]:
                way = next(kv["value"]["stringValue"] for kv in group["resource"]["attributes"] if kv["key"] == "way")
                found.setdefault(way, set()).update((span["traceId"], span["status"]["code"]) for scope in group["scopeSpans"] for span in scope["spans"])
        self.assertEqual(found, {encoding: {("%032x" % (i + 1), 2) for i in (1, 2, 3)} for encoding in encodings})

    def test_logs_and_headers(self):
        body = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": "hello"}}]}]}]}
        with self.writer("include_metadata_keys: [x-tenant], record_headers: [{name: from, value: here}], logs: {encoding: raw}", "logs"):
            self.write(path="/v1/logs", body=body)
        with self.reader("logs: {encoding: text}, header_extraction: {extract_headers: true, headers: [x-tenant, from]}", "logs"):
            wait_for(lambda: self.sink.json(), what="a record")
        group = self.sink.json()[0]["resourceLogs"][0]
        self.assertEqual(group["scopeLogs"][0]["logRecords"][0]["body"], {"stringValue": '"hello"'})
        self.assertEqual({kv["key"]: kv["value"]["stringValue"] for kv in group["resource"]["attributes"]}, {"kafka.header.x-tenant": "blue", "kafka.header.from": "here"})

    def test_what_is_refused_is_read_again_and_what_cannot_be_decoded_is_passed_over(self):
        with self.writer("traces: {encoding: zipkin_json}"):
            self.write(1, name="broken")  # zipkin's list is no OTLP
        with self.writer():
            self.write(2, name="good")
        tries = []
        self.sink.answer = lambda path, body: (tries.append(1) or (503 if len(tries) < 3 else 200), {})
        with self.reader() as reader:
            wait_for(lambda: names(self.sink) == ["good"], what="the span after two refusals")
            wait_for(lambda: "cannot be decoded" in reader.output(), what="a line about the message that is none")

    def test_offsets_move_with_settlement_only(self):
        with self.writer("partition_traces_by_id: true"):
            self.write(*range(20), name="kept")
            self.sink.answer = lambda path, body: (503, {})
            tries = []
            self.sink.answer = lambda path, body: (tries.append(1) or 503, {})
            with self.reader() as reader:
                wait_for(lambda: tries, what="an attempt")
                reader.process.kill()  # nothing was settled
            self.sink.answer = lambda path, body: (200, {})
            with self.reader() as reader:
                wait_for(lambda: len(set(span["traceId"] for span in self.sink.spans())) == 20, seconds=40, what="all of them by the next member")
                self.assertEqual(reader.stop(), 0)
            before = len(self.sink.spans())
            with self.reader():
                self.write(100, name="later")
                wait_for(lambda: "later" in names(self.sink), what="what came later")
            self.assertEqual(len(self.sink.spans()), before + 1)  # the rest was committed

    def test_members_share_partitions_and_take_over(self):
        with self.writer("partition_traces_by_id: true"), self.reader() as first:
            wait_for(lambda: first.output().count("partition taken") == 4, what="four partitions")
            with self.reader() as second:
                wait_for(lambda: second.output().count("partition taken") >= 1, seconds=40, what="a partition for the second")
                self.write(*range(100), name="shared")
                wait_for(lambda: len({span["traceId"] for span in self.sink.spans()}) == 100, what="all spans")
                second.process.kill()
                self.write(*range(100, 200), name="alone")
                wait_for(lambda: len({span["traceId"] for span in self.sink.spans()}) == 200, seconds=60, what="all spans by the first")

    def test_the_producer_waits_for_brokers(self):
        with self.writer("timeout: 1s, retry_on_failure: {initial_interval: 100ms, max_interval: 200ms}"):
            self.brokers.down()
            thread = threading.Thread(target=lambda: self.write(7, name="late"))
            thread.start()
            time.sleep(1.5)  # longer than one attempt
            self.brokers.up()
            thread.join()
        with self.reader():
            wait_for(lambda: "late" in names(self.sink), what="the span")


@unittest.skipUnless(os.environ.get("WEIR_ALL") == "1" and kafka.installed(), "a real Kafka needs WEIR_ALL=1, Java and Maven: tools/setup --oracle")
class RealKafka(Kafka):
    start_brokers = kafka.RealBroker


if __name__ == "__main__":
    unittest.main()
