"""Random OTLP as protobuf messages and bytes, and what the protobuf library makes of bytes."""
import base64, copy, os, re, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), "compat"), os.path.dirname(HERE)]
from generate import SIGNALS, Telemetry
from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

REQUESTS = {"traces": ExportTraceServiceRequest, "metrics": ExportMetricsServiceRequest, "logs": ExportLogsServiceRequest}
IDS = {"traceId", "spanId", "parentSpanId"}


def recode_ids(node, recode):
    """The same JSON with `recode` applied to each id."""
    if isinstance(node, list):
        return [recode_ids(child, recode) for child in node]
    if isinstance(node, dict):
        return {key: recode(child) if key in IDS and isinstance(child, str) else recode_ids(child, recode) for key, child in node.items()}
    return node


def from_json(signal, request):
    """OTLP JSON (hex ids) as a message."""
    plain = recode_ids(request, lambda text: base64.b64encode(bytes.fromhex(text)).decode())
    return json_format.ParseDict(plain, REQUESTS[signal]())


def to_json(message):
    """A message as OTLP JSON."""
    plain = json_format.MessageToDict(message, use_integers_for_enums=True)
    return recode_ids(plain, lambda text: base64.b64decode(text).hex())


def random_message(signal, seed, items=10):
    return from_json(signal, Telemetry(seed).request(signal, items))
