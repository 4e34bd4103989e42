"""The Python SDK sends all three signals over gRPC and HTTP; everything arrives as it was made."""
import unittest

from grpc import Compression as GrpcCompression
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogs
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetrics
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpans
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogs
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetrics
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpans
from opentelemetry.metrics import Observation
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

from backend import *

SPANS = 300
RESOURCE = Resource({"service.name": "shop", "host.cpus": 4, "zones": ["a", "b"]})
WAYS = [(protocol, compression) for protocol in ("grpc", "http") for compression in ("none", "gzip")]


def exporters(backend, protocol, compression):
    """The three exporters of one way to send."""
    if protocol == "grpc":
        options = {"endpoint": backend.endpoint("grpc"), "insecure": True,
                   "compression": GrpcCompression.Gzip if compression == "gzip" else GrpcCompression.NoCompression}
        return GrpcSpans(**options), GrpcMetrics(**options), GrpcLogs(**options)
    def make(kind, path):
        return kind(endpoint=backend.endpoint("http") + path, compression=Compression.Gzip if compression == "gzip" else Compression.NoCompression)
    return make(HttpSpans, "/v1/traces"), make(HttpMetrics, "/v1/metrics"), make(HttpLogs, "/v1/logs")


def each_way(test):
    def run(self):
        for protocol, compression in WAYS:
            with self.subTest(protocol=protocol, compression=compression), Backend() as backend:
                test(self, backend, *exporters(backend, protocol, compression))
    return run


class PythonSdk(unittest.TestCase):
    @each_way
    def test_spans(self, backend, span_exporter, metric_exporter, log_exporter):
        provider = TracerProvider(resource=RESOURCE)
        provider.add_span_processor(BatchSpanProcessor(span_exporter))
        tracer = provider.get_tracer("till", "1.2.3")
        with tracer.start_as_current_span("day", kind=SpanKind.SERVER) as day:
            for i in range(SPANS):
                with tracer.start_as_current_span("sale %d" % i, attributes={"n": i, "share": i / 2, "paid": i % 2 == 0, "tags": ["ä", "雪"]},
                                                  links=[Link(day.get_span_context(), {"why": "test"})]) as span:
                    span.add_event("rang up", {"price": 1.5})
                    if i == 7:
                        span.set_status(Status(StatusCode.ERROR, "no change"))
        provider.shutdown()
        wait_for(lambda: len(backend.spans()) == SPANS + 1, what="all spans")

        found = {span["name"]: (resource, scope, span) for resource, scope, span in backend.spans()}
        self.assertEqual(set(found), {"day", *("sale %d" % i for i in range(SPANS))})
        context = day.get_span_context()
        for i in range(SPANS):
            resource, scope, span = found["sale %d" % i]
            self.assertEqual((resource["service.name"], resource["host.cpus"], resource["zones"], scope), ("shop", 4, ["a", "b"], "till"))
            self.assertEqual(attributes(span), {"n": i, "share": i / 2, "paid": i % 2 == 0, "tags": ["ä", "雪"]})
            self.assertEqual((span["traceId"], span["parentSpanId"]), ("%032x" % context.trace_id, "%016x" % context.span_id))
            self.assertEqual((span["links"][0]["spanId"], attributes(span["links"][0])), ("%016x" % context.span_id, {"why": "test"}))
            self.assertEqual((span["events"][0]["name"], attributes(span["events"][0])), ("rang up", {"price": 1.5}))
        self.assertEqual(found["sale 7"][2]["status"], {"code": 2, "message": "no change"})
        self.assertEqual(found["day"][2]["kind"], 2)

    @each_way
    def test_metrics(self, backend, span_exporter, metric_exporter, log_exporter):
        reader = PeriodicExportingMetricReader(metric_exporter, export_interval_millis=3_600_000)
        provider = MeterProvider([reader], resource=RESOURCE)
        meter = provider.get_meter("till")
        counter = meter.create_counter("sales", unit="{sale}", description="Sales so far.")
        histogram = meter.create_histogram("price", unit="EUR", explicit_bucket_boundaries_advisory=[1, 10])
        meter.create_observable_gauge("queue", [lambda _: [Observation(3, {"till": 1})]])
        for i in range(20):
            counter.add(2, {"till": i % 2})
            histogram.record(i)
        provider.shutdown()
        wait_for(lambda: len(backend.metrics()) >= 3, what="three metrics")

        found = {metric["name"]: metric for _, _, metric in backend.metrics()}
        self.assertEqual({metric[0]["service.name"] for metric in backend.metrics()}, {"shop"})
        sales = found["sales"]
        self.assertEqual((sales["unit"], sales["description"]), ("{sale}", "Sales so far."))
        self.assertEqual((sales["sum"]["isMonotonic"], sales["sum"]["aggregationTemporality"]), (True, 2))
        self.assertEqual({attributes(p)["till"]: int(p["asInt"]) for p in sales["sum"]["dataPoints"]}, {0: 20, 1: 20})
        point = found["price"]["histogram"]["dataPoints"][0]
        self.assertEqual((int(point["count"]), point["sum"], point["min"], point["max"]), (20, 190, 0, 19))
        self.assertEqual((point["explicitBounds"], [int(n) for n in point["bucketCounts"]]), ([1, 10], [2, 9, 9]))
        gauge = found["queue"]["gauge"]["dataPoints"][0]
        self.assertEqual((int(gauge["asInt"]), attributes(gauge)), (3, {"till": 1}))

    @each_way
    def test_logs(self, backend, span_exporter, metric_exporter, log_exporter):
        provider = LoggerProvider(resource=RESOURCE)
        provider.add_log_record_processor(BatchLogRecordProcessor(log_exporter))
        logger = provider.get_logger("till")
        for i in range(SPANS):
            logger.emit(LogRecord(timestamp=1_700_000_000_000_000_000 + i, severity_number=SeverityNumber.WARN, severity_text="WARN",
                                  body={"n": i, "text": "paper is low"}, attributes={"till": i % 3}))
        provider.shutdown()
        wait_for(lambda: len(backend.logs()) == SPANS, what="all log records")

        found = {plain(record["body"])["n"]: (resource, record) for resource, _, record in backend.logs()}
        for i in range(SPANS):
            resource, record = found[i]
            self.assertEqual((resource["service.name"], attributes(record), plain(record["body"])["text"]), ("shop", {"till": i % 3}, "paper is low"))
            self.assertEqual((record["timeUnixNano"], record["severityNumber"], record["severityText"]), (str(1_700_000_000_000_000_000 + i), 13, "WARN"))


if __name__ == "__main__":
    unittest.main()
