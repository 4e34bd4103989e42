"""Random traces in Zipkin's and Jaeger's formats through both programs give the same OTLP, and OTLP the same lists of Zipkin spans."""
import http.server, struct, threading, unittest

from peer import *
from formats import *
from wire import fields

SPANS, PER_REQUEST = int(os.environ.get("WEIR_COMPAT_SPANS", 4000)), 200


RECEIVE = """
receivers:
  zipkin: {endpoint: "127.0.0.1:@in@"%s}
""" + EXPORTER + "service:\n  pipelines:\n    traces: {receivers: [zipkin], exporters: [otlphttp]}\n"
JAEGER = """
receivers:
  jaeger: {protocols: {%s: {endpoint: "127.0.0.1:@%s@"}}}
""" + EXPORTER + "    sending_queue: {enabled: false}\nservice:\n  pipelines:\n    traces: {receivers: [jaeger], exporters: [otlphttp]}\n"


def posting(path, content_type):
    return lambda places, requests: [post(places["in"], path, body, {"Content-Type": content_type})[0] for body in requests]


def seeds(count=PER_REQUEST):
    return range(SPANS // count)


def lists(make):
    return [json.dumps([make(spans) for _ in range(PER_REQUEST)]).encode() for spans in map(Zipkin, seeds())]


class Receivers(Differential):
    def taken(self, config, bodies, path, content_type):
        reference = self.same(config, bodies, feed=posting(path, content_type))
        self.assertEqual(set(reference.answers), {202})
        self.assertEqual(len(reference.records()), SPANS)

    def test_zipkin_v2(self):
        for settings in ("", ", parse_string_tags: true"):
            with self.subTest(settings):
                self.taken(RECEIVE % settings, lists(Zipkin.v2), "/api/v2/spans", "application/json")

    def test_zipkin_v2_protobuf(self):
        bodies = [zipkin_proto([spans.v2() for _ in range(PER_REQUEST)]) for spans in map(Zipkin, seeds())]
        self.taken(RECEIVE % "", bodies, "/api/v2/spans", "application/x-protobuf")

    def test_zipkin_v1(self):
        self.taken(RECEIVE % "", lists(Zipkin.v1), "/api/v1/spans", "application/json")

    def test_zipkin_v1_thrift(self):
        self.taken(RECEIVE % "", [zipkin_thrift(Zipkin(seed), PER_REQUEST) for seed in seeds()], "/api/v1/spans", "application/x-thrift")

    def test_jaeger_thrift(self):
        batches = [Binary().struct(thrift_batch(Jaeger(seed).batch(PER_REQUEST))) for seed in seeds()]
        self.taken(JAEGER % ("thrift_http", "in"), batches, "/api/traces", "application/x-thrift")

    def test_jaeger_grpc(self):
        batches = [proto_batch(chance.batch(PER_REQUEST), chance) for chance in map(Jaeger, seeds())]
        post_spans = lambda places, requests: [grpc_call(places["in"], "/jaeger.api_v2.CollectorService/PostSpans", request) for request in requests]
        reference = self.same(JAEGER % ("grpc", "in"), batches, feed=post_spans)
        self.assertEqual(set(reference.answers), {True})
        self.assertEqual(len(reference.records()), SPANS)

    def test_jaeger_datagrams(self):
        in_datagram = 20
        for name, protocol in (("thrift_compact", Compact()), ("thrift_binary", Binary())):
            with self.subTest(name):
                datagrams = [protocol.call("emitBatch", [(1, STRUCT, thrift_batch(Jaeger(seed).batch(in_datagram)))]) for seed in seeds(in_datagram)]

                def feed(places, requests):
                    time.sleep(1)  # nobody can be asked whether a port for datagrams is open
                    send_datagrams(places["udp"], requests)
                reference = self.same(JAEGER % (name, "udp"), datagrams, feed=feed, answers=False, until=lambda sink: len(records(sink.json())) >= SPANS)
                self.assertEqual(len(reference.records()), SPANS)


def from_proto(body):
    """A list of zipkin.proto3 as dictionaries whose keys are the fields' numbers."""
    def exact(value):
        return struct.unpack("<Q", struct.pack("<d", value))[0] if isinstance(value, float) else value

    def message(data, nested):
        out = {}
        for number, value in fields(data):
            value = message(value, {}) if number in nested else value.hex() if number in (1, 2, 3) and nested else value.decode("utf-8", "replace") if isinstance(value, bytes) else exact(value)
            out.setdefault(number, []).append(value)
        return out
    spans = [message(span, {8, 9, 10, 11}) for _, span in fields(body)]
    for span in spans:
        span["tags"] = {tag[1][0]: tag.get(2, [""])[0] for tag in span.pop(11, [])}
        span["annotations"] = [{"value": note.get(2, [""])[0], "at": note.get(1)} for note in span.pop(10, [])]
        if span.get(2) == ["0" * 16]:
            del span[2]  # the Go collector writes it for a span without a parent
        for place in (8, 9):
            if place in span:
                span[place] = sorted((key, value) for key, value in span[place][0].items() if value != [0])
    return spans


class ZipkinSink:
    """Keeps the spans of the lists that are posted to it."""

    def __init__(self):
        self.spans, sink = [], self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                sink.spans += json.loads(body) if "json" in self.headers["Content-Type"] else from_proto(body)
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def comparable(span):
    """JSON inside of texts by its meaning: the programs write maps in another order, and escape other characters."""
    def meaning(text):
        def mean(part):
            try:
                return json.dumps(json.loads(part), sort_keys=True)
            except ValueError:
                return part
        if text[:1] in "[{":
            return mean(text)
        begin, end = text.find("|{"), text.rfind("}|")
        return text[:begin + 1] + mean(text[begin + 1:end + 1]) + text[end + 1:] if 0 <= begin < end else text

    tags = {key: meaning(text) for key, text in span.get("tags", {}).items()}
    notes = [{**note, "value": meaning(note["value"])} for note in span.get("annotations", [])]
    span = {str(key): value for key, value in span.items()}
    return json.dumps({**span, "tags": tags, "annotations": notes}, sort_keys=True)


class ZipkinExporter(Differential):
    CONFIG = RECEIVER + """
exporters:
  zipkin: {endpoint: "http://127.0.0.1:%d/api/v2/spans", format: %s, compression: none, sending_queue: {enabled: false}}
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [zipkin]}
"""

    def request(self, seed):
        """What the programs translate alike: see the exporter's README for the rest."""
        request = Telemetry(seed, special=False).traces(PER_REQUEST)
        for group in request["resourceSpans"]:
            del group["scopeSpans"][1:]
            resource = group.setdefault("resource", {}).setdefault("attributes", [])
            resource.append({"key": "of.resource", "value": {"boolValue": True}})
            for scope in group["scopeSpans"]:
                scope.setdefault("scope", {}).pop("attributes", None)
                for span in scope["spans"]:
                    span["startTimeUnixNano"] = str(int(span.get("startTimeUnixNano", 0)) or START * 1000)
                    span["endTimeUnixNano"] = str(int(span["startTimeUnixNano"]) + 12_345_678)
                    span["name"] = span.get("name", "").encode("ascii", "ignore").decode()  # Zipkin's names are lower-cased
                    span.setdefault("traceId", "0102030405060708090a0b0c0d0e0f10")
                    span.setdefault("spanId", "0102030405060708")
                    for event in span.get("events", []):
                        event.setdefault("timeUnixNano", str(START * 1000))
        return ("traces", request)

    def test_formats(self):
        for form in ("json", "proto"):
            with self.subTest(form):
                self.check(form)

    def check(self, form):
        found = []
        for program in (otelcol(), binary()):
            sink = ZipkinSink()
            self.addCleanup(sink.close)
            outcome = run(program, self.CONFIG % (sink.port, form), [self.request(seed) for seed in seeds()])
            self.assertEqual(set(outcome.answers), {200})
            found.append(sorted(map(comparable, sink.spans)))
        self.assertEqual(len(found[0]), len(found[1]))
        self.assertGreater(len(found[0]), SPANS // 4)  # scopes of a resource but the first are left out
        for theirs, ours in zip(*found):
            if theirs != ours:
                self.assertEqual(json.loads(theirs), json.loads(ours))


if __name__ == "__main__":
    unittest.main()
