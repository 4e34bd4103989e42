"""Checks of servers that answer, redirect and are not there."""
import os, sys, unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import *

CONFIG = """
receivers:
  httpcheck:
    collection_interval: 100ms
    initial_delay: 0s
    metrics: {httpcheck.response.size: {enabled: true}, httpcheck.validation.passed: {enabled: true}, httpcheck.validation.failed: {enabled: true}}
    targets:
      - endpoints: ["http://127.0.0.1:%(server)d/well", "http://127.0.0.1:%(server)d/moved", "http://127.0.0.1:%(server)d/ill"]
        validations: [{json_path: status, equals: up}, {contains: sick, min_size: 3}]
      - {endpoint: "http://127.0.0.1:%(nobody)d/", method: POST, body: "{}", auto_content_type: true}
exporters:
  otlphttp: {endpoint: "http://127.0.0.1:%(sink)d", encoding: json, compression: none}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {metrics: {receivers: [httpcheck], exporters: [otlphttp]}}
"""


class HttpCheck(unittest.TestCase):
    def test_checks(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *args):
                pass

            def do_GET(self):
                self.send_response({"/well": 200, "/moved": 302, "/ill": 500}[self.path])
                if self.path == "/moved":
                    self.send_header("Location", "/well")
                body = b'{"status":"up"}' if self.path == "/well" else b""
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        sink, nobody = Sink(), free_port()
        self.addCleanup(sink.close)
        port = server.server_address[1]

        def points(name):
            found = {}
            for request in sink.json():
                for group in request["resourceMetrics"]:
                    for metric in group["scopeMetrics"][0]["metrics"]:
                        if metric["name"] == name:
                            for point in (metric.get("sum") or metric["gauge"])["dataPoints"]:
                                attributes = {kv["key"]: next(iter(kv["value"].values())) for kv in point["attributes"]}
                                path = attributes["http.url"].rpartition("/")[2]
                                found[path, attributes.get("http.status_class", attributes.get("validation.type"))] = (point["asInt"], attributes)
            return found

        with Weir(CONFIG % {"server": port, "nobody": nobody, "sink": sink.port}):
            wait_for(lambda: len(points("httpcheck.status")) == 20, what="20 points")
        status = points("httpcheck.status")
        for path, which, code in (("well", "2xx", "200"), ("moved", "2xx", "200"), ("ill", "5xx", "500")):
            self.assertEqual(status[path, which][0], "1")
            self.assertEqual(status[path, which][1]["http.status_code"], code)
            self.assertEqual(status[path, "4xx"][0], "0")
            self.assertNotIn("http.status_code", status[path, "4xx"][1])
        self.assertEqual(status["", "2xx"][1]["http.method"], "POST")
        self.assertEqual(list(points("httpcheck.error")), [("", None)])
        self.assertEqual(len(points("httpcheck.duration")), 4)
        self.assertEqual({key: value for key, (value, _) in points("httpcheck.response.size").items()}, {("well", None): "15", ("moved", None): "15"})
        self.assertEqual({key: value for key, (value, _) in points("httpcheck.validation.passed").items() if key[0] == "well"}, {("well", "json_path"): "1", ("well", "size"): "1"})
        self.assertEqual({key: value for key, (value, _) in points("httpcheck.validation.failed").items() if key[0] == "well"}, {("well", "contains"): "1"})


if __name__ == "__main__":
    unittest.main()
