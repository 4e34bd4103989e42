"""Both programs write random traces to a real Kafka in each encoding, and both read what either wrote."""
import unittest

from peer import *
import kafka, test_formats

ENCODINGS = ("otlp_proto", "otlp_json", "jaeger_proto", "jaeger_json", "zipkin_proto", "zipkin_json")
REQUESTS = int(os.environ.get("WEIR_COMPAT_SPANS", 600)) // test_formats.PER_REQUEST
PROGRAMS = {"otelcol": otelcol, "weir": binary}


def topic(writer, encoding):
    return "%s.%s" % (writer, encoding)


def lines(pattern, names):
    return "".join("  %s\n" % (pattern % {"name": name, "encoding": name.split(".")[-1]}) for name in names)


def written_config(brokers, names):
    return RECEIVER + "exporters:\n" + lines('kafka/%%(name)s: {brokers: ["%s"], sending_queue: {enabled: false}, traces: {topic: %%(name)s, encoding: %%(encoding)s}}' % brokers, names) + """
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [%s]}
""" % ", ".join("kafka/" + name for name in names)


def read_config(brokers, group, names):
    return "receivers:\n" + lines('kafka/%%(name)s: {brokers: ["%s"], group_id: %s.%%(name)s, initial_offset: earliest, traces: {topics: [%%(name)s], encoding: %%(encoding)s}}' % (brokers, group), names) + \
        "processors:\n" + lines("resource/%(name)s: {attributes: [{key: way, value: %(name)s, action: upsert}]}", names) + EXPORTER + "    sending_queue: {enabled: false}\nservice:\n  pipelines:\n" + \
        lines("  traces/%(name)s: {receivers: [kafka/%(name)s], processors: [resource/%(name)s], exporters: [otlphttp]}", names)


def tamed(value):
    """Without what Zipkin's readers do not take alike: numbers that no int64 holds when they are doubles, versions of scopes."""
    if isinstance(value, list):
        return [tamed(part) for part in value]
    if isinstance(value, dict):
        huge = lambda key, part: key in ("doubleValue", "intValue") and abs(float(part)) > 9e18
        return {key: "7" if huge(key, part) else tamed(part) for key, part in value.items() if key != "version"}
    return value


@unittest.skipUnless(kafka.installed(), "a real Kafka needs Java and Maven: tools/setup --oracle")
class Kafka(Differential):
    def test_traces(self):
        requests = [("traces", tamed(test_formats.ZipkinExporter.request(self, seed)[1])) for seed in range(REQUESTS)]
        spans = len(records([request for _, request in requests]))
        names = [topic(writer, encoding) for writer in PROGRAMS for encoding in ENCODINGS]
        broker = kafka.RealBroker(topics=[(name, 1) for name in names])
        self.addCleanup(broker.close)
        for writer, program in PROGRAMS.items():
            outcome = run(program(), written_config(broker.addresses, [topic(writer, encoding) for encoding in ENCODINGS]), requests)
            self.assertEqual(set(outcome.answers), {200}, outcome.log[-2000:])
        read = {reader: run(program(), read_config(broker.addresses, reader, names), [], until=lambda sink: len(records(sink.json())) >= spans * len(names), seconds=60)
                for reader, program in PROGRAMS.items()}

        def of(reader, writer, encoding):
            found = read[reader].records(keep=lambda record: record.get("resource.attributes[way]") == repr(topic(writer, encoding)))
            return [{key: value for key, value in record.items() if key != "resource.attributes[way]"} for record in found]

        for encoding in ENCODINGS:
            with self.subTest("one message, two readers", encoding=encoding):
                for writer in PROGRAMS:
                    self.assertEqual(difference(of("otelcol", writer, encoding), of("weir", writer, encoding)), "", writer)
            with self.subTest("two writers", encoding=encoding):
                self.assertEqual(difference(of("otelcol", "otelcol", encoding), of("otelcol", "weir", encoding), ("by otelcol", "by weir")), "")


if __name__ == "__main__":
    unittest.main()
