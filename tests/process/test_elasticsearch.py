"""Bulk requests against a stand-in that judges documents one by one."""
import os, sys, unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import *

CONFIG = """
receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:%d"}}}}
exporters:
  elasticsearch:
    endpoint: "http://127.0.0.1:%d"
    compression: none
    sending_queue: {enabled: false}
    retry: {initial_interval: 10ms, max_interval: 20ms}
    retry_on_failure: {initial_interval: 50ms, max_interval: 50ms}
    mapping: {mode: ecs}
service:
  telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: %d}}}}]}}
  pipelines: {logs: {receivers: [otlp], exporters: [elasticsearch]}}
"""


class Cluster:
    """`judge(message, attempt)` gives the status of a document."""

    def __init__(self, judge):
        self.attempts, self.kept, self.requests = {}, [], 0
        cluster = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do_POST(self):
                lines = self.rfile.read(int(self.headers["Content-Length"])).decode().splitlines()
                cluster.requests += 1
                items = []
                for action, document in zip(lines[::2], lines[1::2]):
                    assert "create" in json.loads(action)
                    message = json.loads(document)["message"]
                    cluster.attempts[message] = cluster.attempts.get(message, 0) + 1
                    status = judge(message, cluster.attempts[message])
                    if status == 201:
                        cluster.kept.append(message)
                    items.append({"create": {"status": status, **({} if status == 201 else {"error": {"type": "t", "reason": "r"}})}})
                body = json.dumps({"errors": True, "items": items}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Elasticsearch(unittest.TestCase):
    def test_each_document_has_its_own_fate(self):
        def judge(message, attempt):
            if message == "bad":
                return 400
            if message == "busy":
                return 429 if attempt < 6 else 201  # longer than retry alone lasts
            return 201

        cluster, port, metrics = Cluster(judge), free_port(), free_port()
        self.addCleanup(cluster.close)
        records = [{"body": {"stringValue": text}} for text in ("one", "bad", "busy", "two")]
        with Weir(CONFIG % (port, cluster.port, metrics), ready=[port, metrics]):
            status, _, said = post(port, "/v1/logs", {"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]})
            self.assertEqual(status, 200, said)
            self.assertEqual(sorted(cluster.kept), ["busy", "one", "two"])  # each once
            self.assertEqual(cluster.attempts, {"one": 1, "two": 1, "bad": 1, "busy": 6})
            self.assertIn("weir_elasticsearch_dropped_documents", get(metrics, "/metrics")[1])


if __name__ == "__main__":
    unittest.main()
