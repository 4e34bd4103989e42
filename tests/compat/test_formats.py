"""Random traces in Zipkin's and Jaeger's formats through both programs give the same OTLP, and OTLP the same lists of Zipkin spans."""
import http.server, random, struct, threading, unittest

from peer import *

SPANS, PER_REQUEST = int(os.environ.get("WEIR_COMPAT_SPANS", 4000)), 200
NAMES = ["get", "GET /cart/{id}", "été", "雪", "x" * 200, "a|b", 'quote"back\\slash', ""]
SERVICES = ["shop", "cart", "Pay", "ümlaut"]
KEYS = ["k", "http.method", "http.status_code", "db.system", "n", "peer", "message"]
TEXTS = ["", "v", "200", "404", "500", "-7", "1.5", "1.", "true", "false", "99999999999999999999", "雪と氷", "<b>&", "line\nbreak"]
START = 1_700_000_000_000_000


class Spans:
    """One seed, one list of spans."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def chance(self, share):
        return self.random.random() < share

    def hex(self, size):
        return "%0*x" % (2 * size, self.random.getrandbits(8 * size) | 1)

    def pick(self, choices):
        return self.random.choice(choices)

    def tags(self, more=()):
        out = {self.pick(KEYS): self.pick(TEXTS) for _ in range(self.random.randrange(5))}
        for key, values in (("error", ["true", "false", "boom"]), ("otel.status_code", ["STATUS_CODE_OK", "STATUS_CODE_ERROR", "Ok", "Error"]),
                            ("otel.status_description", ["bad"]), ("w3c.tracestate", ["a=b"]), ("span.kind", ["internal", "client"]), *more):
            if self.chance(0.15):
                out[key] = self.pick(values)
        if out.get("otel.status_code") is None:
            out.pop("otel.status_description", None)
        return out

    def endpoint(self, named=True):
        out = {"serviceName": self.pick(SERVICES)} if named or self.chance(0.7) else {}
        if self.chance(0.5):
            out["ipv4"] = "10.%d.0.1" % self.random.randrange(256)
        elif self.chance(0.3):
            out["ipv6"] = "2001:db8::%x" % self.random.randrange(1, 65536)
        if self.chance(0.5):
            out["port"] = self.random.randrange(1, 65536)
        return out

    def zipkin_v2(self):
        span = {"traceId": self.hex(self.pick([8, 16])), "id": self.hex(8), "name": self.pick(NAMES), "localEndpoint": self.endpoint()}
        if self.chance(0.6):
            span["parentId"] = self.hex(8)
        if self.chance(0.8):
            span["kind"] = self.pick(["CLIENT", "SERVER", "PRODUCER", "CONSUMER"])
        if self.chance(0.9):
            span["timestamp"] = START + self.random.randrange(10**9)
            span["duration"] = self.random.randrange(1, 10**7)
        if self.chance(0.5):
            span["remoteEndpoint"] = self.endpoint(named=False)
        if self.chance(0.4):
            values = ["note", "ev|{\"n\":2,\"x\":1.5,\"t\":\"a|b\",\"b\":true}|4", "a|b"]
            span["annotations"] = [{"timestamp": START + i, "value": self.pick(values[:2])} for i in range(self.random.randrange(1, 4))]
        if self.chance(0.7):
            span["tags"] = self.tags([("otlp.link.0", ["0102030405060708090a0b0c0d0e0f10|0102030405060708|s=t|{\"q\":true}|1"]), ("otel.library.name", ["lib"])])
        return span

    def zipkin_v1(self):
        endpoint = self.endpoint()
        endpoint.pop("ipv6", None)
        begin = START + self.random.randrange(10**9)
        span = {"traceId": self.hex(self.pick([8, 16])), "id": self.hex(8), "name": self.pick(NAMES)}
        if self.chance(0.6):
            span["parentId"] = self.hex(8)
        if self.chance(0.7):
            span["timestamp"], span["duration"] = begin, self.random.randrange(1, 10**7)
        first, last = self.pick([("cs", "cr"), ("sr", "ss")])
        span["annotations"] = [{"timestamp": begin, "value": first, "endpoint": endpoint}, {"timestamp": begin + 50, "value": "middle", "endpoint": endpoint},
                               {"timestamp": begin + 100, "value": last, "endpoint": endpoint}]
        span["binaryAnnotations"] = [{"key": key, "value": self.pick(["v", "w w", "200", "500"]), "endpoint": endpoint} for key in self.random.sample(KEYS, 2)]
        return span


class Thrift:
    """The binary protocol, as much of it as Jaeger's batches need."""

    BOOL, DOUBLE, I32, I64, STRING, STRUCT, LIST = 2, 4, 8, 10, 11, 12, 15

    def field(self, kind, number, content):
        return struct.pack(">bh", kind, number) + content

    def text(self, number, text):
        data = text if isinstance(text, bytes) else text.encode()
        return self.field(self.STRING, number, struct.pack(">i", len(data)) + data)

    def i32(self, number, value):
        return self.field(self.I32, number, struct.pack(">i", value))

    def i64(self, number, value):
        return self.field(self.I64, number, struct.pack(">q", value))

    def structs(self, number, structs):
        return self.field(self.LIST, number, struct.pack(">bi", self.STRUCT, len(structs)) + b"".join(s + b"\0" for s in structs))

    def tag(self, key, value):
        out = self.text(1, key)
        if isinstance(value, bool):
            return out + self.i32(2, 2) + self.field(self.BOOL, 5, struct.pack(">b", value))
        if isinstance(value, int):
            return out + self.i32(2, 3) + self.i64(6, value)
        if isinstance(value, float):
            return out + self.i32(2, 1) + self.field(self.DOUBLE, 4, struct.pack(">d", value))
        if isinstance(value, bytes):
            return out + self.i32(2, 4) + self.text(7, value)
        return out + self.i32(2, 0) + self.text(3, value)

    def span(self, spans):
        r = spans.random
        values = ["v", "", "雪", 7, -2**40, 1.5, True, False, b"\0\xff", "500", 404]
        tags = {spans.pick(KEYS): spans.pick(values) for _ in range(r.randrange(5))}
        for key, choices in (("error", [True, False, "true"]), ("span.kind", ["client", "server", "producer", "consumer", "internal"]), ("otel.status_code", ["OK", "ERROR"]),
                             ("http.status_message", ["nope"])):
            if spans.chance(0.25):
                tags[key] = spans.pick(choices)
        low, high = r.getrandbits(63) | 1, spans.pick([0, r.getrandbits(63)])
        begin = START + r.randrange(10**9)
        out = self.i64(1, low) + self.i64(2, high) + self.i64(3, r.getrandbits(63) | 1) + self.i64(4, spans.pick([0, r.getrandbits(63) | 1])) + self.text(5, spans.pick(NAMES) or "x")
        if spans.chance(0.5):
            out += self.structs(6, [self.i32(1, r.randrange(2)) + self.i64(2, spans.pick([low, 5])) + self.i64(3, spans.pick([high, 0])) + self.i64(4, r.getrandbits(63) | 1) for _ in range(r.randrange(1, 3))])
        out += self.i32(7, r.randrange(4)) + self.i64(8, begin) + self.i64(9, r.randrange(10**7))
        out += self.structs(10, [self.tag(key, value) for key, value in tags.items()])
        if spans.chance(0.4):
            out += self.structs(11, [self.i64(1, begin + i) + self.structs(2, [self.tag("event", "e%d" % i), self.tag("k", spans.pick(values))]) for i in range(r.randrange(1, 3))])
        return out

    def batch(self, spans, count):
        process = self.text(1, spans.pick(SERVICES)) + self.structs(2, [self.tag("hostname", "h"), self.tag("jaeger.version", "Go-2"), self.tag("pid", 7)])
        return self.field(self.STRUCT, 1, process + b"\0") + self.structs(2, [self.span(spans) for _ in range(count)]) + b"\0"


RECEIVE = """
receivers:
  zipkin: {endpoint: "127.0.0.1:@in@"%s}
""" + EXPORTER + "service:\n  pipelines:\n    traces: {receivers: [zipkin], exporters: [otlphttp]}\n"
JAEGER = """
receivers:
  jaeger: {protocols: {thrift_http: {endpoint: "127.0.0.1:@in@"}}}
""" + EXPORTER + "service:\n  pipelines:\n    traces: {receivers: [jaeger], exporters: [otlphttp]}\n"


def posting(path, content_type):
    return lambda places, requests: [post(places["in"], path, body, {"Content-Type": content_type})[0] for body in requests]


def lists(make):
    return [json.dumps([make(spans) for _ in range(PER_REQUEST)]).encode() for spans in map(Spans, range(SPANS // PER_REQUEST))]


class Receivers(Differential):
    def taken(self, config, bodies, path, content_type):
        reference = self.same(config, bodies, feed=posting(path, content_type))
        self.assertEqual(set(reference.answers), {202})
        self.assertEqual(len(reference.records()), SPANS)

    def test_zipkin_v2(self):
        for settings in ("", ", parse_string_tags: true"):
            with self.subTest(settings):
                self.taken(RECEIVE % settings, lists(Spans.zipkin_v2), "/api/v2/spans", "application/json")

    def test_zipkin_v1(self):
        self.taken(RECEIVE % "", lists(Spans.zipkin_v1), "/api/v1/spans", "application/json")

    def test_jaeger_thrift(self):
        batches = [Thrift().batch(Spans(seed), PER_REQUEST) for seed in range(SPANS // PER_REQUEST)]
        self.taken(JAEGER, batches, "/api/traces", "application/x-thrift")


class ZipkinSink:
    """Keeps the spans of the lists that are posted to it."""

    def __init__(self):
        self.spans, sink = [], self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do_POST(self):
                spans = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                sink.spans += spans
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
    return json.dumps({**span, "tags": tags, "annotations": notes}, sort_keys=True)


class ZipkinExporter(Differential):
    CONFIG = RECEIVER + """
exporters:
  zipkin: {endpoint: "http://127.0.0.1:%d/api/v2/spans", compression: none, sending_queue: {enabled: false}}
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

    def test_json(self):
        found = []
        for program in (otelcol(), binary()):
            sink = ZipkinSink()
            self.addCleanup(sink.close)
            outcome = run(program, self.CONFIG % sink.port, [self.request(seed) for seed in range(SPANS // PER_REQUEST)])
            self.assertEqual(set(outcome.answers), {200})
            found.append(sorted(map(comparable, sink.spans)))
        self.assertEqual(len(found[0]), len(found[1]))
        self.assertGreater(len(found[0]), SPANS // 4)  # scopes of a resource but the first are left out
        for theirs, ours in zip(*found):
            if theirs != ours:
                self.assertEqual(json.loads(theirs), json.loads(ours))


if __name__ == "__main__":
    unittest.main()
