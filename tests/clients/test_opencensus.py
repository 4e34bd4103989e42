"""OpenCensus' agent protocol by Python's gRPC: calls with one message after another, which the client leaves open, ends or breaks off."""
import queue, unittest

import grpc

from backend import *

CONFIG = """
receivers:
  opencensus: {endpoint: "127.0.0.1:%d", cors_allowed_origins: ["http://shop"]}
exporters:
  file/traces: {path: traces}
  file/metrics: {path: metrics}
service:
  telemetry: {metrics: {level: none}}
  pipelines:
    traces: {receivers: [opencensus], exporters: [file/traces]}
    metrics: {receivers: [opencensus], exporters: [file/metrics]}
"""
TRACES = "/opencensus.proto.agent.trace.v1.TraceService/Export"
METRICS = "/opencensus.proto.agent.metrics.v1.MetricsService/Export"


def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out) + bytes([n])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def node(service):
    return field(1, field(3, field(1, service)))


def span(name, status=None):
    body = field(1, bytes(range(16))) + field(2, bytes(range(8))) + field(4, field(1, name)) + field(14, 1)
    return field(2, body + (field(11, field(1, status)) if status else b""))


def metric(name, value):
    return field(2, field(1, field(1, name) + field(4, 1)) + field(2, field(3, field(2, value))))


class OpenCensus(Backend):
    def __init__(self):
        self.port = free_port()
        Weir.__init__(self, CONFIG % self.port, ready=[self.port])


class Client:
    """One call. Messages go out as they are given."""

    def __init__(self, port, method):
        self.channel = grpc.insecure_channel("127.0.0.1:%d" % port)
        self.messages = queue.Queue()
        self.answers = self.channel.stream_stream(method, request_serializer=bytes, response_deserializer=bytes)(iter(self.messages.get, None), timeout=60)

    def send(self, *messages):
        for message in messages:
            self.messages.put(message)

    def end(self):
        """The code, and the messages of the server."""
        self.messages.put(None)
        try:
            received = list(self.answers)
        except grpc.RpcError:
            received = []
        code, details = self.answers.code(), self.answers.details()
        self.channel.close()
        return code, details, received


class Streams(unittest.TestCase):
    def test_node_and_resource_of_one_message_hold_for_the_next_ones(self):
        with OpenCensus() as backend:
            client = Client(backend.port, TRACES)
            client.send(node("till") + field(3, field(1, "box")) + span("one"))
            wait_for(lambda: len(backend.spans()) == 1 or None, what="a span while the call is open")
            client.send(span("two", 5), node("other") + span("three"))
            self.assertEqual(client.end(), (grpc.StatusCode.OK, "", []))
            spans = {span["name"]: (resource, span) for resource, _, span in backend.spans()}
            self.assertEqual({name: (resource["service.name"], resource["opencensus.resourcetype"]) for name, (resource, _) in spans.items()},
                             {"one": ("till", "box"), "two": ("till", "box"), "three": ("other", "box")})
            self.assertEqual(spans["two"][1]["status"]["code"], 2)
            self.assertEqual(spans["one"][1]["kind"], 2)

    def test_metrics(self):
        with OpenCensus() as backend:
            client = Client(backend.port, METRICS)
            client.send(node("till"), *[metric("m%d" % i, i) for i in range(300)])
            self.assertEqual(client.end()[0], grpc.StatusCode.OK)
            values = {item["name"]: item["gauge"]["dataPoints"][0]["asInt"] for _, _, item in backend.metrics()}
            self.assertEqual(values, {"m%d" % i: str(i) for i in range(300)})

    def test_large_messages_one_after_another(self):
        with OpenCensus() as backend:
            client = Client(backend.port, TRACES)
            client.send(*[node("till") + b"".join(span("%d %s" % (i, "x" * 1000)) for _ in range(2000)) for i in range(10)])
            self.assertEqual(client.end()[0], grpc.StatusCode.OK)
            self.assertEqual(len(backend.spans()), 20_000)

    def test_what_is_refused(self):
        with OpenCensus() as backend:
            for method, messages, code, part in (
                    (TRACES, [span("one")], grpc.StatusCode.INVALID_ARGUMENT, "first message must have a Node"),
                    (TRACES, [node("till"), b"\x0a\x05"], grpc.StatusCode.INVALID_ARGUMENT, "malformed"),
                    (TRACES.replace("Export", "Config"), [b""], grpc.StatusCode.UNIMPLEMENTED, "unknown method"),
                    (TRACES, [node("till") + span("x" * 5_000_000)], grpc.StatusCode.RESOURCE_EXHAUSTED, "the limit is")):
                client = Client(backend.port, method)
                client.send(*messages)
                got = client.end()
                self.assertEqual(got[0], code)
                self.assertIn(part, got[1])

    def test_a_shutdown_ends_open_calls(self):
        with OpenCensus() as backend:
            client = Client(backend.port, TRACES)
            client.send(node("till") + span("one"))
            wait_for(lambda: len(backend.spans()) == 1 or None, what="a span")
            backend.stop()
            self.assertEqual(client.end()[0], grpc.StatusCode.UNAVAILABLE)

    def test_json(self):
        with OpenCensus() as backend:
            body = b'{"node":{"serviceInfo":{"name":"till"}},"spans":[{"traceId":"AAECAwQFBgcICQoLDA0ODw==","spanId":"AAECAwQFBgc=","name":{"value":"one"}}]}\n{"spans":[{"name":{"value":"two"}}]}'
            status, headers, _ = post(backend.port, "/v1/trace", body, {"Content-Type": "application/json", "Origin": "http://shop"})
            self.assertEqual(status, 200)
            self.assertEqual({k.lower(): v for k, v in headers.items()}["access-control-allow-origin"], "http://shop")
            self.assertEqual({(resource["service.name"], span["name"]) for resource, _, span in backend.spans()}, {("till", "one"), ("till", "two")})
            self.assertEqual(post(backend.port, "/v1/trace", b'{"spans":[]}', {"Content-Type": "application/json"})[0], 400)
            self.assertEqual(post(backend.port, "/v1/logs", b"{}", {"Content-Type": "application/json"})[0], 404)


if __name__ == "__main__":
    unittest.main()
