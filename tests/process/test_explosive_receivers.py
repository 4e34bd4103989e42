"""Bodies of other formats than OTLP that take many times their size once they are read: memory stays under its limit, they are answered,
and others are served during and after it."""
import base64, gzip, os, socket, struct, sys, threading, unittest, zlib

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *
from test_explosive import ORDINARY, field
from wire import grpc_call
import kafka

MIB = 1024 * 1024
LIMIT_MIB = int(os.environ.get("EXPLOSIVE_LIMIT_MIB", 256))
BODY = int(os.environ.get("EXPLOSIVE_BYTES", 2 * MIB))


def many(piece):
    return piece * (BODY // len(piece))


def json_array(piece, before="", behind=""):
    return (before + "[" + ",".join([piece] * (BODY // (len(piece) + 1))) + "]" + behind).encode()


def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out) + bytes([n])


def snappy(raw):
    """The block format: a first literal, then copies of at most 64 bytes where the text repeats itself, literals elsewhere."""
    out, at = bytearray(varint(len(raw))), 0
    while at < len(raw):
        period = next((p for p in (2, 4, 6, 8, 12, 16) if at >= p and raw[at:at + 64] == (raw[at - p:at] * 64)[:len(raw[at:at + 64])]), None)
        if period and len(raw) - at >= 64:
            out += bytes([63 << 2 | 2]) + struct.pack("<H", period)
            at += 64
            continue
        part = raw[at:at + 60]
        out += bytes([(len(part) - 1) << 2]) + part
        at += len(part)
    return bytes(out)


def thrift_field(kind, number, value=b""):
    return bytes([kind]) + struct.pack(">h", number) + value


def thrift_list(count, elements):
    return b"\x0c" + struct.pack(">i", count) + elements


def thrift_batch(spans):
    process = thrift_field(12, 1, thrift_field(11, 1, struct.pack(">i", 1) + b"s") + b"\0")
    return process + thrift_field(15, 2, spans) + b"\0"


def inside_a_span(number, piece):
    return thrift_batch(thrift_list(1, thrift_field(15, number, thrift_list(BODY // len(piece), many(piece))) + b"\0"))


ZIPKIN_SPAN = '{"traceId":"1","id":"1"%s}'
JSON, THRIFT, PROTOBUF = "application/json", "application/x-thrift", "application/x-protobuf"
# Receiver, path, content type, content encoding, name, body.
BODIES = [
    ("zipkin", "/api/v2/spans", JSON, "gzip", "spans", lambda: json_array(ZIPKIN_SPAN % "")),
    ("zipkin", "/api/v2/spans", JSON, "gzip", "no spans at all", lambda: json_array("{}")),
    ("zipkin", "/api/v2/spans", JSON, "gzip", "annotations", lambda: b"[" + json_array('{"timestamp":1,"value":""}', '{"traceId":"1","id":"1","annotations":', "}") + b"]"),
    ("zipkin", "/api/v2/spans", JSON, "gzip", "tags", lambda: b'[{"traceId":"1","id":"1","tags":{' + b",".join(b'"%d":""' % i for i in range(BODY // 10)) + b"}}]"),
    ("zipkin", "/api/v2/spans", JSON, "gzip", "nesting", lambda: b"[" * BODY),
    ("zipkin", "/api/v1/spans", JSON, "gzip", "binary annotations", lambda: b"[" + json_array('{"key":"","value":""}', '{"traceId":"1","id":"1","name":"","binaryAnnotations":', "}") + b"]"),
    ("zipkin", "/api/v2/spans", PROTOBUF, "gzip", "spans", lambda: many(field(1, field(1, b"\1" * 16) + field(3, b"\1" * 8)))),
    ("zipkin", "/api/v2/spans", PROTOBUF, "gzip", "empty spans", lambda: many(field(1, b""))),
    ("zipkin", "/api/v2/spans", PROTOBUF, "gzip", "annotations", lambda: field(1, field(1, b"\1" * 16) + field(3, b"\1" * 8) + many(field(10, b"")))),
    ("zipkin", "/api/v2/spans", PROTOBUF, "gzip", "tags", lambda: field(1, field(1, b"\1" * 16) + field(3, b"\1" * 8) + many(field(11, b"")))),
    ("zipkin", "/api/v1/spans", THRIFT, "gzip", "spans", lambda: thrift_list(BODY, b"\0" * BODY)),
    ("zipkin", "/api/v1/spans", THRIFT, "gzip", "a count that lies", lambda: thrift_list(2 ** 31 - 1, b"\0" * 100)),
    ("jaeger", "/api/traces", THRIFT, "gzip", "spans", lambda: thrift_batch(thrift_list(BODY, b"\0" * BODY))),
    ("jaeger", "/api/traces", THRIFT, "gzip", "a count that lies", lambda: thrift_batch(thrift_list(2 ** 31 - 1, b""))),
    ("jaeger", "/api/traces", THRIFT, "gzip", "tags", lambda: inside_a_span(10, b"\0")),
    ("jaeger", "/api/traces", THRIFT, "gzip", "logs", lambda: inside_a_span(11, b"\0")),
    ("jaeger", "/api/traces", THRIFT, "gzip", "references", lambda: inside_a_span(6, b"\0")),
    ("opencensus", "/v1/trace", JSON, "gzip", "spans", lambda: json_array("{}", '{"node":{},"spans":', "}")),
    ("opencensus", "/v1/trace", JSON, "gzip", "a resource for each span", lambda: json_array('{"resource":{}}', '{"node":{"serviceInfo":{"name":"%s"}},"spans":' % ("x" * 1000), "}")),
    ("opencensus", "/v1/trace", JSON, "gzip", "events", lambda: json_array("{}", '{"node":{},"spans":[{"timeEvents":{"timeEvent":', "}}]}")),
    ("opencensus", "/v1/trace", JSON, "gzip", "requests behind one another", lambda: many(b'{"node":{}}')),
    ("opencensus", "/v1/metrics", JSON, "gzip", "points with a long label",
     lambda: json_array("{}", '{"node":{},"metrics":[{"metricDescriptor":{"type":1,"labelKeys":[{"key":"k"}]},"timeseries":[{"labelValues":[{"value":"%s","hasValue":true}],"points":' % ("x" * 10_000), "}]}]}")),
    ("opencensus", "/v1/metrics", JSON, "gzip", "bounds", lambda: json_array("1", '{"node":{},"metrics":[{"metricDescriptor":{"type":6},"timeseries":[{"points":[{"distributionValue":{"bucketOptions":{"explicit":{"bounds":', "}}}}]}]}]}")),
    ("prometheusremotewrite", "/api/v1/write", "application/x-protobuf;proto=io.prometheus.write.v2.Request", "snappy", "series", lambda: field(4, b"") + many(field(5, b""))),
    ("prometheusremotewrite", "/api/v1/write", "application/x-protobuf;proto=io.prometheus.write.v2.Request", "snappy", "symbols", lambda: many(field(4, b""))),
    ("prometheusremotewrite", "/api/v1/write", "application/x-protobuf;proto=io.prometheus.write.v2.Request", "snappy", "samples",
     lambda: field(4, b"") + field(4, b"__name__") + field(4, b"m") + field(5, field(1, b"\1\2") + many(field(2, b"")))),
    ("prometheusremotewrite", "/api/v1/write", "application/x-protobuf;proto=io.prometheus.write.v2.Request", "snappy", "exemplars",
     lambda: field(4, b"") + field(4, b"__name__") + field(4, b"m") + field(5, field(1, b"\1\2") + field(2, b"") + many(field(4, b"")))),
    ("prometheusremotewrite", "/api/v1/write", "application/x-protobuf;proto=io.prometheus.write.v2.Request", "snappy", "histograms",
     lambda: field(4, b"") + field(4, b"__name__") + field(4, b"m") + field(5, field(1, b"\1\2") + many(field(3, b"")))),
    ("prometheusremotewrite", "/api/v1/write", PROTOBUF, "snappy", "series of 1.0", lambda: many(field(1, b""))),
    ("prometheusremotewrite", "/api/v1/write", PROTOBUF, "snappy", "samples of 1.0",
     lambda: field(1, field(1, field(1, b"__name__") + field(2, b"m")) + many(field(2, b"")))),
]


# What PostSpans of Jaeger's gRPC port gets.
CALLS = [
    ("empty spans", lambda: field(1, many(field(1, b"")))),
    ("a process for each span", lambda: field(1, many(field(1, field(10, field(1, b"s")))))),
    ("a process of its own for each span", lambda: field(1, b"".join(field(1, field(10, field(1, b"%d" % i))) for i in range(BODY // 16)))),
    ("tags", lambda: field(1, field(1, field(3, b"n") + many(field(8, b""))))),
    ("logs", lambda: field(1, field(1, field(3, b"n") + many(field(9, b""))))),
    ("references", lambda: field(1, field(1, field(3, b"n") + many(field(4, b""))))),
]


def compact_call(spans):
    """emitBatch with so many spans without fields."""
    batch = b"\x1c\x18\x01s\0" + b"\x19\xfc" + varint(spans) + b"\0" * spans + b"\0"
    return b"\x82\x81\x01\x09emitBatch" + b"\x1c" + batch + b"\0"


# Messages of Kafka by their encoding.
MESSAGES = {
    "zipkin_json": json_array(ZIPKIN_SPAN % ""),
    "zipkin_proto": many(field(1, field(1, b"\1" * 16) + field(3, b"\1" * 8))),
    "zipkin_thrift": thrift_list(BODY, b"\0" * BODY),
    "jaeger_proto": field(3, b"n") + many(field(8, b"")),
    "jaeger_json": json_array("{}", '{"operationName":"n","logs":', "}"),
    "otlp_proto": field(1, field(2, many(field(2, b"")))),
    "otlp_json": json_array("{}", '{"resourceSpans":[{"scopeSpans":[{"spans":', "}]}]}"),
}


def mp_array(count):
    return b"\xdd" + struct.pack(">I", count)


def mp_bin(raw):
    return b"\xc6" + struct.pack(">I", len(raw)) + raw


# What a connection to fluentforward sends.
STREAMS = [
    ("entries", lambda: b"\x92\xa1t" + mp_array(BODY // 3) + b"\x92\x01\x80" * (BODY // 3)),
    ("a count that lies", lambda: b"\x92\xa1t" + mp_array(2 ** 32 - 1) + b"\x92\x01\x80"),
    ("packed and compressed", lambda: b"\x93\xa1t" + mp_bin(gzip.compress(b"\x92\x01\x80" * (16 * BODY // 3), 9)) + b"\x81\xaacompressed\xa4gzip"),
    ("a map of many", lambda: b"\x93\xa1t\x01\xdf" + struct.pack(">I", BODY // 3) + b"\xa1k\xc0" * (BODY // 3)),
    ("nesting", lambda: b"\x91" * BODY),
]


def compressed(encoding, raw):
    return gzip.compress(raw, 1) if encoding == "gzip" else snappy(raw)


class Receivers(unittest.TestCase):
    def config(self):
        self.ports = {name: free_port() for name in ("otlp", "zipkin", "jaeger", "jaeger_grpc", "jaeger_udp", "opencensus", "prometheusremotewrite", "fluentforward")}
        return """
receivers:
  otlp: {{protocols: {{http: {{endpoint: '127.0.0.1:{otlp}'}}}}}}
  zipkin: {{endpoint: '127.0.0.1:{zipkin}'}}
  jaeger: {{protocols: {{thrift_http: {{endpoint: '127.0.0.1:{jaeger}'}}, grpc: {{endpoint: '127.0.0.1:{jaeger_grpc}', max_recv_msg_size_mib: 64}}, thrift_compact: {{endpoint: '127.0.0.1:{jaeger_udp}'}}}}}}
  opencensus: {{endpoint: '127.0.0.1:{opencensus}', max_recv_msg_size_mib: 64}}
  prometheusremotewrite: {{endpoint: '127.0.0.1:{prometheusremotewrite}'}}
  fluentforward: {{endpoint: '127.0.0.1:{fluentforward}'}}
processors: {{memory_limiter: {{check_interval: 1s, limit_mib: {limit}}}, transform: {{error_mode: ignore, trace_statements: ['set(span.attributes["a"], "b")'],
  log_statements: ['set(log.attributes["a"], "b")'], metric_statements: ['set(datapoint.attributes["a"], "b")']}}}}
exporters: {{nop: }}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines:
    traces: {{receivers: [otlp, zipkin, jaeger, opencensus], processors: [memory_limiter, transform], exporters: [nop]}}
    metrics: {{receivers: [prometheusremotewrite, opencensus], processors: [memory_limiter, transform], exporters: [nop]}}
    logs: {{receivers: [fluentforward], processors: [memory_limiter, transform], exporters: [nop]}}
""".format(limit=LIMIT_MIB, **self.ports)

    def ordinary(self):
        return post(self.ports["otlp"], "/v1/traces", ORDINARY["traces"], {"Content-Type": PROTOBUF}, 60)[0]

    def send(self, raw):
        with socket.create_connection(("127.0.0.1", self.ports["fluentforward"]), 60) as s:
            try:
                s.sendall(raw)
                s.shutdown(socket.SHUT_WR)
                while s.recv(65536):
                    pass
            except OSError:
                pass  # refused

    def watched(self, what, work):
        """Runs it while memory is looked at; the receiver behind it answers others, then and later."""
        ended, peak = threading.Event(), [0]

        def watch():
            while not ended.wait(0.01):
                peak[0] = max(peak[0], self.weir.rss())
        thread = threading.Thread(target=watch)
        thread.start()
        try:
            work()
            wait_for(lambda: self.ordinary() == 200 or None, 30, "an ordinary request taken")
        finally:
            ended.set()
            thread.join()
        self.assertIsNone(self.weir.process.poll(), self.weir.output()[-2000:])
        self.assertLess(peak[0], LIMIT_MIB * MIB, "%s: peak resident memory %d MiB" % (what, peak[0] // MIB))
        if os.environ.get("EXPLOSIVE_VERBOSE"):
            print("%s: peak %d MiB" % (what, peak[0] // MIB), flush=True)

    def test_all(self):
        config = self.config()
        with Weir(config, ready=[port for name, port in self.ports.items() if name != "jaeger_udp"]) as self.weir:
            for receiver, path, kind, encoding, name, make in BODIES:
                with self.subTest(receiver=receiver, path=path, kind=kind, body=name):
                    answer = []
                    headers = {"Content-Type": kind, "Content-Encoding": encoding}
                    if encoding == "snappy":
                        headers["X-Prometheus-Remote-Write-Version"] = "2.0.0" if "v2" in kind else "0.1.0"
                    body = compressed(encoding, make())
                    self.watched("%s %s" % (receiver, name), lambda: answer.append(post(self.ports[receiver], path, body, headers, 60)[0]))
                    self.assertIn(answer[0], (200, 202, 204, 400, 413, 429, 503))
            for name, make in CALLS:
                with self.subTest(receiver="jaeger", call=name):
                    call = gzip.compress(make(), 1)
                    self.watched("jaeger gRPC " + name, lambda: grpc_call(self.ports["jaeger_grpc"], "/jaeger.api_v2.CollectorService/PostSpans", call, "gzip"))
            with self.subTest(receiver="jaeger", datagrams="spans"), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                datagram = compact_call(64_000)
                self.watched("jaeger datagrams", lambda: [s.sendto(datagram, ("127.0.0.1", self.ports["jaeger_udp"])) for _ in range(300)])
            for name, make in STREAMS:
                with self.subTest(receiver="fluentforward", stream=name):
                    self.watched("fluentforward " + name, lambda: self.send(make()))


class Kafka(unittest.TestCase):
    """Several such messages, then one in the same encoding that others can read."""

    def lines(self, line):
        return "".join("  %s\n" % (line % {"e": encoding, "brokers": self.brokers.addresses}) for encoding in MESSAGES)

    def writer(self):
        raw = self.lines('kafka/%(e)s: {brokers: ["%(brokers)s"], sending_queue: {enabled: false}, producer: {max_message_bytes: 8000000}, logs: {topic: %(e)s, encoding: raw}, traces: {topic: %(e)s}}')
        route = self.lines('logs/%(e)s: {receivers: [otlp/%(e)s], exporters: [kafka/%(e)s]}').replace("  logs", "    logs")
        ins = "".join("  otlp/%s: {protocols: {http: {endpoint: '127.0.0.1:%d'}}}\n" % (encoding, port) for encoding, port in self.ports.items())
        return "receivers:\n%sexporters:\n%sservice:\n  telemetry: {metrics: {level: none}}\n  pipelines:\n%s" % (ins, raw, route)

    def reader(self, sink):
        ins = self.lines('kafka/%(e)s: {brokers: ["%(brokers)s"], initial_offset: earliest, group_id: %(e)s, max_fetch_size: 16000000, max_partition_fetch_size: 8000000, traces: {topics: [%(e)s], encoding: %(e)s}}')
        marks = self.lines("resource/%(e)s: {attributes: [{key: way, value: %(e)s, action: insert}]}")
        route = self.lines('traces/%(e)s: {receivers: [kafka/%(e)s], processors: [memory_limiter, filter, resource/%(e)s], exporters: [otlphttp]}').replace("  traces", "    traces")
        return ("receivers:\n%sprocessors:\n  memory_limiter: {check_interval: 1s, limit_mib: %d}\n  filter: {error_mode: ignore, traces: {span: ['name != \"good\"']}}\n%s"
                "exporters:\n  otlphttp: {endpoint: 'http://127.0.0.1:%d', encoding: json, compression: none}\nservice:\n  telemetry: {metrics: {level: none}}\n  pipelines:\n%s") % (ins, LIMIT_MIB, marks, sink.port, route)

    GOOD = {"zipkin_json": b'[{"traceId":"1","id":"1","name":"good"}]', "zipkin_proto": field(1, field(1, b"\1" * 16) + field(3, b"\1" * 8) + field(5, b"good")),
            "zipkin_thrift": b"\x0c\0\0\0\1\x0a\0\1" + bytes(7) + b"\1\x0b\0\3\0\0\0\4good\x0a\0\4" + bytes(7) + b"\1\0",
            "jaeger_proto": field(1, b"\1" * 16) + field(2, b"\1" * 8) + field(3, b"good"), "jaeger_json": b'{"traceId":"AQEBAQEBAQEBAQEBAQEBAQ==","spanId":"AQEBAQEBAQE=","operationName":"good"}',
            "otlp_proto": field(1, field(2, field(2, field(1, b"\1" * 16) + field(2, b"\1" * 8) + field(5, b"good")))),
            "otlp_json": b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"01010101010101010101010101010101","spanId":"0101010101010101","name":"good"}]}]}]}'}

    def test_all(self):
        self.brokers, self.ports, sink = kafka.Brokers(topics=[(encoding, 1) for encoding in MESSAGES]), {encoding: free_port() for encoding in MESSAGES}, Sink()
        self.addCleanup(self.brokers.close)
        self.addCleanup(sink.close)
        with Weir(self.writer(), ready=list(self.ports.values())) as writer:
            for encoding, port in self.ports.items():
                for message in [MESSAGES[encoding]] * 2 + [self.GOOD[encoding]]:
                    body = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"bytesValue": base64.b64encode(message).decode()}}]}]}]}
                    status, _, said = post(port, "/v1/logs", body, timeout=60)
                    self.assertEqual(status, 200, "%s: %s\n%s" % (encoding, said, writer.output()[-500:]))
        peak = 0
        with Weir(self.reader(sink)) as reader:
            def all_read():
                nonlocal peak
                peak = max(peak, reader.rss())
                ways = {attribute["value"]["stringValue"] for request in sink.json() for group in request["resourceSpans"] for attribute in group["resource"]["attributes"] if attribute["key"] == "way"}
                return ways == set(MESSAGES)
            try:
                wait_for(all_read, 120, "the good message of each encoding")
            except AssertionError as e:
                raise AssertionError("%s\n%s" % (e, reader.output()[-3000:]))
            self.assertLess(peak, LIMIT_MIB * MIB, "peak resident memory %d MiB" % (peak // MIB))
            if os.environ.get("EXPLOSIVE_VERBOSE"):
                print("kafka: peak %d MiB" % (peak // MIB), flush=True)


if __name__ == "__main__":
    unittest.main()
