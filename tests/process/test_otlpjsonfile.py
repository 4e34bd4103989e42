"""What the exporter `file` writes the receiver `otlpjsonfile` reads."""
import os, sys, unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import *

WRITER = """
receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:%d"}}}}
exporters: {file: {path: "%s"}}
service:
  telemetry: {metrics: {level: none}}
  pipelines:
    traces: {receivers: [otlp], exporters: [file]}
    logs: {receivers: [otlp], exporters: [file]}
"""
READER = """
receivers: {otlpjsonfile: {include: ["%s"], start_at: beginning, poll_interval: 20ms, storage: file_storage}}
exporters: {otlphttp: {endpoint: "http://127.0.0.1:%d", encoding: json, compression: none, sending_queue: {enabled: false}, retry_on_failure: {enabled: false}}}
extensions: {file_storage: {directory: "%s"}}
service:
  extensions: [file_storage]
  telemetry: {metrics: {level: none}}
  pipelines: {traces: {receivers: [otlpjsonfile], exporters: [otlphttp]}}
"""


class JsonFile(unittest.TestCase):
    def test_what_is_written_is_read_once(self):
        sink, port, folder = Sink(), free_port(), tempfile.TemporaryDirectory()
        self.addCleanup(sink.close)
        self.addCleanup(folder.cleanup)
        path = os.path.join(folder.name, "all.json")
        reader = READER % (path, sink.port, folder.name)
        with Weir(WRITER % (port, path), ready=[port]):
            for i in range(20):
                self.assertEqual(post(port, "/v1/traces", traces(i))[0], 200)
                self.assertEqual(post(port, "/v1/logs", {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": "x"}}]}]}]})[0], 200)
            refusals = []
            sink.answer = lambda path, body: (refusals.append(1) or (503 if len(refusals) < 3 else 200), {})
            with Weir(reader) as weir:
                wait_for(lambda: len(sink.spans()) == 20, what="20 spans")
                self.assertEqual(weir.stop(), 0)
            post(port, "/v1/traces", traces(50))
            with open(path, "a") as f:
                f.write("no json\n")
            post(port, "/v1/traces", traces(51))
            with Weir(reader) as weir:
                wait_for(lambda: len(sink.spans()) >= 22, what="the two that came later")
                wait_for(lambda: "no OTLP JSON" in weir.output(), what="a line about the line that is none")
        ids = [int(span["traceId"], 16) - 1 for span in sink.spans()]
        self.assertEqual(sorted(ids), [*range(20), 50, 51])
        self.assertEqual(sink.spans()[0]["attributes"], [{"key": "log.file.name", "value": {"stringValue": "all.json"}}])


if __name__ == "__main__":
    unittest.main()
