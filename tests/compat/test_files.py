"""Both programs write random telemetry to a file, and both read what either wrote."""
import tempfile, unittest

from peer import *

WRITER = RECEIVER + """
exporters: {file: {path: %s}}
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [file]}
    metrics: {receivers: [otlp], exporters: [file]}
    logs: {receivers: [otlp], exporters: [file]}
"""
READER = """
receivers: {otlpjsonfile: {include: [%s], start_at: beginning, poll_interval: 50ms}}
""" + EXPORTER + """
service:
  pipelines:
    traces: {receivers: [otlpjsonfile], exporters: [otlphttp]}
    metrics: {receivers: [otlpjsonfile], exporters: [otlphttp]}
    logs: {receivers: [otlpjsonfile], exporters: [otlphttp]}
"""


class Files(Differential):
    def test_lines(self):
        sent = [(signal, Telemetry(seed, special=False).request(signal, 60)) for seed in range(3) for signal in SIGNALS]
        found = {}
        with tempfile.TemporaryDirectory() as folder:
            for writer in (otelcol(), binary()):
                path = os.path.join(folder, os.path.basename(writer) + ".json")
                outcome = run(writer, WRITER % path, sent)
                self.assertEqual(set(outcome.answers), {200})
                expected = len(records([request for _, request in sent]))
                reference, ours = (run(reader, READER % path, [], until=lambda sink: len(records(sink.json())) >= expected).records() for reader in (otelcol(), binary()))
                self.assertEqual(difference(reference, ours), "")
                found[writer] = [{key: value for key, value in record.items() if "log.file.name" not in key} for record in reference]
        self.assertEqual(difference(*found.values()), "")


if __name__ == "__main__":
    unittest.main()
