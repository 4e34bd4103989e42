"""weir's codec against the protobuf library: the same bytes are accepted or refused, and what is accepted means the same
as JSON, as it came, and after every item was taken apart and put together again."""
import random, unittest

from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet

from messages import *  # first: it knows the way to the others
from compare import difference, records
from harness import *

SEEDS = 2000 if os.environ.get("WEIR_ALL") == "1" else 200
# Adds and removes an attribute of everything that has some, so that every item is decoded and encoded anew.
TOUCH = "[{key: weir-touch, value: 1, action: upsert}, {key: weir-touch, action: delete}]"
CONFIG = """
receivers:
  otlp:
    protocols:
      http: {endpoint: "127.0.0.1:%d"}
processors:
  attributes: {actions: TOUCH}
  resource: {attributes: TOUCH}
exporters:
  otlphttp/json: {endpoint: "http://127.0.0.1:SINK/json", encoding: json, compression: none, sending_queue: {enabled: false}}
  otlphttp/raw: {endpoint: "http://127.0.0.1:SINK/raw", compression: none, sending_queue: {enabled: false}}
  otlphttp/edited: {endpoint: "http://127.0.0.1:SINK/edited", compression: none, sending_queue: {enabled: false}}
service:
  telemetry: {metrics: {level: none}}
  pipelines:
""".replace("TOUCH", TOUCH)
for name in SIGNALS:
    CONFIG += """
    SIGNAL/json: {receivers: [otlp], exporters: [otlphttp/json]}
    SIGNAL/raw: {receivers: [otlp], exporters: [otlphttp/raw]}
    SIGNAL/edited: {receivers: [otlp], processors: [attributes, resource], exporters: [otlphttp/edited]}
""".replace("SIGNAL", name)


def messages_below(message):
    """The message and all that are set inside of it."""
    yield message
    for field, value in message.ListFields():
        if field.message_type:
            for child in value if field.is_repeated else [value]:
                yield from messages_below(child)


def value_depth(message):
    """How deep AnyValues nest."""
    deepest = max((value_depth(child) for field, value in message.ListFields() if field.message_type
                   for child in (value if field.is_repeated else [value])), default=0)
    return deepest + (message.DESCRIPTOR.name == "AnyValue")


def odd(message):
    """Why OTLP does not allow what protobuf does, None when it does: ids have their size, known fields their wire type, no groups."""
    for node in messages_below(message):
        numbers = {field.number for field in node.DESCRIPTOR.fields}
        for unknown in UnknownFieldSet(node):
            if unknown.field_number in numbers or unknown.wire_type in (3, 4):
                return "wire type of %s.%d" % (node.DESCRIPTOR.name, unknown.field_number)
        for name, size in (("trace_id", 16), ("span_id", 8), ("parent_span_id", 8)):
            if name in node.DESCRIPTOR.fields_by_name and len(getattr(node, name)) not in (0, size):
                return "size of " + name
    return "depth" if value_depth(message) > 64 else None


def parse(signal, data):
    """(message, None) or (None, why not)."""
    message = REQUESTS[signal]()
    try:
        message.ParseFromString(data)
    except DecodeError as e:
        return None, str(e)
    why = odd(message)
    return (None, why) if why else (message, None)


def mutate(rng, data, other):
    """A few random changes: bits, bytes, cuts, repeats, pieces of another message."""
    data = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        at = rng.randrange(len(data) + 1)
        end = min(len(data), at + rng.choice([1, 2, 8, 40]))
        kind = rng.randrange(7)
        if kind == 0 and data:
            data[at % len(data)] ^= 1 << rng.randrange(8)
        elif kind == 1 and data:
            data[at % len(data)] = rng.randrange(256)
        elif kind == 2:
            del data[at:end]
        elif kind == 3:
            data[at:at] = data[at:end]
        elif kind == 4:
            data[at:at] = rng.randbytes(rng.randrange(1, 5))
        elif kind == 5:
            start = rng.randrange(len(other) + 1)
            data[at:at] = other[start:start + rng.choice([4, 20, 100])]
        else:
            del data[at:]
    return bytes(data)


class Codec(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sink, cls.port = Sink(), free_port()
        cls.addClassCleanup(cls.sink.close)
        cls.weir = Weir((CONFIG % cls.port).replace("SINK", str(cls.sink.port)), ready=[cls.port])
        cls.addClassCleanup(cls.weir.__exit__)

    def through(self, signal, body, kind="application/x-protobuf"):
        """(status, {"json": request, "raw": bytes, "edited": bytes}) of one request."""
        with self.sink.lock:
            self.sink.requests.clear()
        status, _, answer = post(self.port, "/v1/" + signal, body, {"Content-Type": kind})
        self.assertIsNone(self.weir.process.poll(), "weir ended:\n" + self.weir.output()[-3000:])
        with self.sink.lock:
            return status, {path.split("/")[1]: body for path, _, body in self.sink.requests}, answer

    def check_same(self, signal, data, message):
        """What protobuf accepts comes out of weir with the same meaning, three times."""
        status, out, answer = self.through(signal, data)
        self.assertEqual(status, 200, "refused what protobuf takes: %r\n%s" % (answer, data.hex()))
        expected = records([to_json(message)])
        if not expected:
            return
        self.assertEqual(out["raw"], data)
        self.assertEqual(difference(expected, records([json.loads(out["json"])]), names=("protobuf", "weir")), "", data.hex())
        edited, why = parse(signal, out["edited"])
        self.assertIsNone(why)
        self.assertEqual(difference(expected, records([to_json(edited)]), names=("protobuf", "weir, edited")), "", data.hex())

    def test_random_messages(self):
        for signal in SIGNALS:
            for seed in range(SEEDS // 4):
                with self.subTest(signal=signal, seed=seed):
                    message = random_message(signal, seed)
                    self.check_same(signal, message.SerializeToString(), message)

    def test_random_messages_as_json(self):
        for signal in SIGNALS:
            for seed in range(SEEDS // 4):
                with self.subTest(signal=signal, seed=seed):
                    request = Telemetry(seed + 10**6).request(signal, 10)
                    status, out, _ = self.through(signal, request, "application/json")
                    self.assertEqual(status, 200)
                    message, why = parse(signal, out["raw"])
                    self.assertIsNone(why)
                    self.assertEqual(difference(records([request]), records([to_json(message)]), names=("sent", "protobuf")), "")

    def test_mutated_messages(self):
        accepted = refused = repaired = 0
        for signal in SIGNALS:
            for seed in range(SEEDS * 5):
                with self.subTest(signal=signal, seed=seed):
                    rng = random.Random("%s %d" % (signal, seed))
                    one, other = (random_message(signal, rng.randrange(50), 3).SerializeToString() for _ in range(2))
                    data = mutate(rng, one, other)
                    message, why = parse(signal, data)
                    if message is not None:
                        accepted += 1
                        self.check_same(signal, data, message)
                    elif "UTF-8" in str(why):  # taken and repaired, unless more is wrong with it
                        status, out, _ = self.through(signal, data)
                        self.assertIn(status, (200, 400))
                        if status == 200 and "raw" in out:
                            repaired += 1
                            self.assertIsNone(parse(signal, out["raw"])[1])
                    else:
                        refused += 1
                        status, out, answer = self.through(signal, data)
                        self.assertEqual((status, out), (400, {}), "took what is wrong (%s): %s" % (why, data.hex()))
        self.assertGreater(accepted, SEEDS)
        self.assertGreater(refused, SEEDS)
        self.assertGreater(repaired, 0)

    def test_unknown_fields_stay(self):
        unknown = bytes([0xa2, 0x06, 3]) + b"new"  # field 100
        for signal in SIGNALS:
            message = random_message(signal, 3)
            keep = {"Resource", "InstrumentationScope", "Span", "Event", "Link", "LogRecord", "Metric", "NumberDataPoint", "HistogramDataPoint",
                    "ExponentialHistogramDataPoint", "SummaryDataPoint", "Exemplar"}
            marked = [node for node in messages_below(message) if node.DESCRIPTOR.name in keep]
            for node in marked:
                node.MergeFromString(unknown)
            status, out, _ = self.through(signal, message.SerializeToString())
            self.assertEqual(status, 200)
            edited, _ = parse(signal, out["edited"])
            found = [node for node in messages_below(edited) for field in UnknownFieldSet(node) if field.field_number == 100]
            self.assertEqual(sorted(node.DESCRIPTOR.name for node in found), sorted(node.DESCRIPTOR.name for node in marked))


if __name__ == "__main__":
    unittest.main()
