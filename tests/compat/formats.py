"""Random spans as the clients of Zipkin and Jaeger send them, in each of their forms. The same seed makes the same spans."""
import random, socket, struct, time

from wire import field, grpc_call, varint

NAMES = ["get", "GET /cart/{id}", "été", "雪", "x" * 200, "a|b", 'quote"back\\slash', ""]
SERVICES = ["shop", "cart", "Pay", "ümlaut"]
KEYS = ["k", "http.method", "http.status_code", "db.system", "n", "peer", "message"]
TEXTS = ["", "v", "200", "404", "500", "-7", "1.5", "1.", "true", "false", "99999999999999999999", "雪と氷", "<b>&", "line\nbreak"]
START = 1_700_000_000_000_000


class Chance:
    """Small choices from one seed."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def chance(self, share):
        return self.random.random() < share

    def hex(self, size):
        return "%0*x" % (2 * size, self.random.getrandbits(8 * size) | 1)

    def pick(self, choices):
        return self.random.choice(choices)


class Zipkin(Chance):
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

    def v2(self):
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
            values = ["note", "ev|{\"n\":2,\"x\":1.5,\"t\":\"a|b\",\"b\":true}|4"]
            span["annotations"] = [{"timestamp": START + i, "value": self.pick(values)} for i in range(self.random.randrange(1, 4))]
        if self.chance(0.7):
            span["tags"] = self.tags([("otlp.link.0", ["0102030405060708090a0b0c0d0e0f10|0102030405060708|s=t|{\"q\":true}|1"]), ("otel.library.name", ["lib"])])
        return span

    def v1(self):
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

    def v1_tag(self):
        """Key, Thrift's number of the type, bytes."""
        kind = self.random.randrange(7)
        value = {0: lambda: self.pick([b"\1", b"\0", b"", b"\1\1"]), 1: lambda: self.random.randbytes(self.random.randrange(5)), 2: lambda: self.pick([b"\0\7", b"\xff\xff", b"\1"]),
                 3: lambda: self.pick([b"\0\0\1\xf4", b"\xff\xff\xff\xff", b"\1\2"]), 4: lambda: self.pick([b"\0" * 7 + b"\7", b"\xff" * 8, b""]),
                 5: lambda: self.pick([struct.pack(">d", 1.5), b"\0"]), 6: lambda: self.pick(TEXTS).encode()}[kind]()
        return self.pick(KEYS + ["lc", "error", "otel.status_code", "otel.status_description", "census.status_code", "http.status_message"]), kind, value


def zipkin_proto(spans):
    """A list of v2() as zipkin.proto3 has it."""
    def address(endpoint):
        out = field(1, endpoint.get("serviceName", "").encode())
        if "ipv4" in endpoint:
            out += field(2, socket.inet_aton(endpoint["ipv4"]))
        if "ipv6" in endpoint:
            out += field(3, socket.inet_pton(socket.AF_INET6, endpoint["ipv6"]))
        return out + (field(4, endpoint["port"]) if "port" in endpoint else b"")

    def fixed64(number, value):
        return varint(number << 3 | 1) + struct.pack("<Q", value)

    def one(span):
        out = field(1, bytes.fromhex(span["traceId"]).rjust(16, b"\0")) + field(3, bytes.fromhex(span["id"])) + field(5, span["name"].encode())
        if "parentId" in span:
            out += field(2, bytes.fromhex(span["parentId"]))
        if "kind" in span:
            out += field(4, ["", "CLIENT", "SERVER", "PRODUCER", "CONSUMER"].index(span["kind"]))
        if "timestamp" in span:
            out += fixed64(6, span["timestamp"]) + field(7, span["duration"])
        out += field(8, address(span["localEndpoint"]))
        if "remoteEndpoint" in span:
            out += field(9, address(span["remoteEndpoint"]))
        for note in span.get("annotations", []):
            out += field(10, fixed64(1, note["timestamp"]) + field(2, note["value"].encode()))
        for key, value in span.get("tags", {}).items():
            out += field(11, field(1, key.encode()) + field(2, value.encode()))
        return out
    return b"".join(field(1, one(span)) for span in spans)


BOOL, BYTE, DOUBLE, I16, I32, I64, TEXT, STRUCT, LIST = 2, 3, 4, 6, 8, 10, 11, 12, 15


class Binary:
    """Thrift's binary protocol. A struct is a list of (number, kind, value), the value of a list a pair of kind and values."""

    def struct(self, fields):
        return b"".join(struct.pack(">bh", kind, number) + self.value(kind, value) for number, kind, value in fields) + b"\0"

    def value(self, kind, value):
        if kind == STRUCT:
            return self.struct(value)
        if kind == LIST:
            inner, values = value
            return struct.pack(">bi", inner, len(values)) + b"".join(self.value(inner, each) for each in values)
        if kind == TEXT:
            data = value.encode() if isinstance(value, str) else value
            return struct.pack(">i", len(data)) + data
        return struct.pack({BOOL: ">b", BYTE: ">b", DOUBLE: ">d", I16: ">h", I32: ">i", I64: ">q"}[kind], value)

    def call(self, name, arguments):
        """A message that is not answered."""
        return struct.pack(">I", 0x80010004) + self.value(TEXT, name) + struct.pack(">i", 1) + self.struct(arguments)


class Compact(Binary):
    KINDS = {BYTE: 3, I16: 4, I32: 5, I64: 6, DOUBLE: 7, TEXT: 8, LIST: 9, STRUCT: 12, BOOL: 1}

    def struct(self, fields):
        out, last = b"", 0
        for number, kind, value in fields:
            code = (1 if value else 2) if kind == BOOL else self.KINDS[kind]
            out += bytes([number - last << 4 | code]) if 0 < number - last < 16 else bytes([code]) + varint(number << 1)
            out += b"" if kind == BOOL else self.value(kind, value)
            last = number
        return out + b"\0"

    def value(self, kind, value):
        if kind == LIST:
            inner, values = value
            head = bytes([len(values) << 4 | self.KINDS[inner]]) if len(values) < 15 else bytes([0xF0 | self.KINDS[inner]]) + varint(len(values))
            return head + b"".join(self.value(inner, each) for each in values)
        if kind == TEXT:
            data = value.encode() if isinstance(value, str) else value
            return varint(len(data)) + data
        if kind == DOUBLE:
            return struct.pack("<d", value)
        if kind in (I16, I32, I64):
            return varint(value << 1 if value >= 0 else (-value << 1) - 1)
        return super().value(kind, value)

    def call(self, name, arguments):
        return b"\x82\x81" + varint(1) + self.value(TEXT, name) + self.struct(arguments)


def zipkin_thrift(spans, count):
    """A list of spans of version 1, of what `spans` picks."""
    r = spans.random

    def endpoint():
        out = [(1, I32, spans.pick([0, 0x0A000001, -1])), (2, I16, spans.pick([0, 80, -7])), (3, TEXT, spans.pick(SERVICES + [""]))]
        return out + ([(4, TEXT, bytes(15) + b"\1")] if spans.chance(0.2) else [])

    def hosted(fields, number):
        return fields + ([(number, STRUCT, endpoint())] if spans.chance(0.8) else [])

    def one():
        begin = START + r.randrange(10**9)
        notes = [(begin, spans.pick(["cs", "sr", "ms", "mr", "middle"])), (begin + 50, spans.pick(["middle", "雪"])), (begin + 100, spans.pick(["cr", "ss", "end"]))]
        out = [(1, I64, r.getrandbits(63) | 1), (3, TEXT, spans.pick(NAMES)), (4, I64, r.getrandbits(64) - 2**63 or 1)]
        if spans.chance(0.6):
            out.append((5, I64, r.getrandbits(63) | 1))
        out.append((6, LIST, (STRUCT, [hosted([(1, I64, time), (2, TEXT, value)], 3) for time, value in notes[:r.randrange(4)]])))
        tags = [spans.v1_tag() for _ in range(r.randrange(5))]
        out.append((8, LIST, (STRUCT, [hosted([(1, TEXT, key), (2, TEXT, value), (3, I32, kind)], 4) for key, kind, value in tags])))
        if spans.chance(0.7):
            out.append((10, I64, begin))
            if spans.chance(0.8):
                out.append((11, I64, r.randrange(10**7)))
        if spans.chance(0.5):
            out.append((12, I64, r.getrandbits(63)))
        return out
    return Binary().value(LIST, (STRUCT, [one() for _ in range(count)]))


class Jaeger(Chance):
    """Spans as dictionaries; thrift_batch() and proto_batch() write them."""

    VALUES = ["v", "", "雪", 7, -2**40, 1.5, True, False, b"\0\xff", "500", 404]

    def tags(self):
        tags = {self.pick(KEYS): self.pick(self.VALUES) for _ in range(self.random.randrange(5))}
        for key, choices in (("error", [True, False, "true"]), ("span.kind", ["client", "server", "producer", "consumer", "internal", "other"]),
                             ("otel.status_code", ["OK", "ERROR", "error", 2]), ("otel.status_description", ["why"]), ("http.status_message", ["nope"]),
                             ("http.response.status_code", [200, 404, 503]), ("w3c.tracestate", ["a=b"]), ("otel.scope.name", ["lib"]), ("otel.scope.version", ["1"])):
            if self.chance(0.2):
                tags[key] = self.pick(choices)
        return list(tags.items())

    def span(self):
        r = self.random
        low, high = r.getrandbits(63) | 1, self.pick([0, r.getrandbits(63)])
        span = {"trace": (high, low), "id": r.getrandbits(63) | 1, "parent": self.pick([0, r.getrandbits(63) | 1]), "name": self.pick(NAMES) or "x", "flags": r.randrange(4),
                "start": START + r.randrange(10**9), "duration": r.randrange(10**7), "tags": self.tags(), "references": [], "logs": []}
        if self.chance(0.5):
            span["references"] = [(r.randrange(2), self.pick([(high, low), (0, 5)]), r.getrandbits(63) | 1) for _ in range(r.randrange(1, 3))]
        if self.chance(0.4):
            span["logs"] = [(span["start"] + i, [("event", "e%d" % i), ("k", self.pick(self.VALUES))][:r.randrange(3)]) for i in range(r.randrange(1, 3))]
        return span

    def process(self):
        tags = [("hostname", "h"), ("jaeger.version", "Go-2"), ("pid", 7), ("host.name", "known"), ("ip", "::1")]
        return self.pick(SERVICES), self.random.sample(tags, self.random.randrange(len(tags) + 1))

    def batch(self, count):
        return self.process(), [self.span() for _ in range(count)]


def thrift_batch(batch):
    """The fields of Jaeger's Batch."""
    (service, process_tags), spans = batch

    def tag(key, value):
        kinds = ((bool, 2, (5, BOOL)), (int, 3, (6, I64)), (float, 1, (4, DOUBLE)), (bytes, 4, (7, TEXT)), (str, 0, (3, TEXT)))
        number, place = next((number, place) for kind, number, place in kinds if isinstance(value, kind))
        return [(1, TEXT, key), (2, I32, number), (*place, value)]

    def tags(pairs):
        return LIST, (STRUCT, [tag(*pair) for pair in pairs])

    def one(s):
        out = [(1, I64, s["trace"][1]), (2, I64, s["trace"][0]), (3, I64, s["id"]), (4, I64, s["parent"]), (5, TEXT, s["name"])]
        if s["references"]:
            out.append((6, LIST, (STRUCT, [[(1, I32, kind), (2, I64, trace[1]), (3, I64, trace[0]), (4, I64, span)] for kind, trace, span in s["references"]])))
        out += [(7, I32, s["flags"]), (8, I64, s["start"]), (9, I64, s["duration"]), (10, *tags(s["tags"]))]
        if s["logs"]:
            out.append((11, LIST, (STRUCT, [[(1, I64, time), (2, *tags(pairs))] for time, pairs in s["logs"]])))
        return out
    return [(1, STRUCT, [(1, TEXT, service), (2, *tags(process_tags))]), (2, LIST, (STRUCT, [one(s) for s in spans]))]


def proto_batch(batch, chance):
    """jaeger.api_v2.PostSpansRequest. Some spans bring a process of their own, and their parent as a reference."""
    process, spans = batch

    def tag(key, value):
        kinds = ((bool, 1, 4), (int, 2, 5), (float, 3, 6), (bytes, 4, 7), (str, 0, 3))
        number, place = next((number, place) for kind, number, place in kinds if isinstance(value, kind))
        if isinstance(value, int):
            value = int(value) & 2**64 - 1
        return field(1, key.encode()) + field(2, number) + field(place, value.encode() if isinstance(value, str) else value)

    def tags(number, pairs):
        return b"".join(field(number, tag(*pair)) for pair in pairs)

    def moment(us):
        return field(1, us // 10**6) + field(2, us % 10**6 * 1000)

    def trace(pair):
        return struct.pack(">QQ", *pair)

    def host(process):
        return field(1, process[0].encode()) + tags(2, process[1])

    def one(s):
        parent = [(0, s["trace"], s["parent"])] if s["parent"] else []
        out = field(1, trace(s["trace"])) + field(2, struct.pack(">Q", s["id"])) + field(3, s["name"].encode())
        for kind, of, span in parent + s["references"]:
            out += field(4, field(1, trace(of)) + field(2, struct.pack(">Q", span)) + field(3, kind))
        out += field(5, s["flags"]) + field(6, moment(s["start"])) + field(7, moment(s["duration"])) + tags(8, s["tags"])
        for time, pairs in s["logs"]:
            out += field(9, field(1, moment(time)) + tags(2, pairs))
        return out + (field(10, host(chance.process())) if chance.chance(0.2) else b"")
    return field(1, b"".join(field(1, one(s)) for s in spans) + field(2, host(process)))


def send_datagrams(port, datagrams):
    """Slowly enough for a receiver to keep up."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for datagram in datagrams:
            s.sendto(datagram, ("127.0.0.1", port))
            time.sleep(0.003)
