"""The Java agent (Maven Central) instruments a program that knows nothing of it and sends all three signals. With WEIR_ALL=1 only."""
import shutil, unittest

from backend import *

HERE = os.path.dirname(os.path.abspath(__file__))
INSTALLED = os.path.join(ROOT, "build", "clients-java")
AGENT = "opentelemetry-javaagent-2.20.1.jar"
COUNT = 50


def install():
    os.makedirs(INSTALLED, exist_ok=True)
    if not os.path.exists(os.path.join(INSTALLED, AGENT)):
        subprocess.run(["mvn", "-q", "-B", "dependency:copy", "-Dartifact=io.opentelemetry.javaagent:opentelemetry-javaagent:2.20.1",
                        "-DoutputDirectory=" + INSTALLED], check=True, timeout=300, stdout=subprocess.DEVNULL)
    subprocess.run(["javac", "-d", INSTALLED, os.path.join(HERE, "java", "Client.java")], check=True, timeout=120)


@unittest.skipUnless(os.environ.get("WEIR_ALL") == "1", "downloads packages: ./test --all")
@unittest.skipUnless(shutil.which("javac") and shutil.which("mvn"), "no JDK or Maven: tools/setup --oracle")
class JavaAgent(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        install()

    def test_all_signals(self):
        for protocol in ("grpc", "http/protobuf"):
            for compression in ("none", "gzip"):
                with self.subTest(protocol=protocol, compression=compression), Backend() as backend:
                    self.run_program(backend, protocol, compression)
                    self.check(backend)

    def run_program(self, backend, protocol, compression):
        environment = {**os.environ, "OTEL_SERVICE_NAME": "shop", "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
                       "OTEL_EXPORTER_OTLP_ENDPOINT": backend.endpoint(protocol), "OTEL_EXPORTER_OTLP_COMPRESSION": compression,
                       "OTEL_METRIC_EXPORT_INTERVAL": "300"}  # gauges are read at intervals, not at the end
        done = subprocess.run(["java", "-javaagent:" + AGENT, "-cp", ".", "Client", str(COUNT)], cwd=INSTALLED, env=environment,
                              capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("Failed to export", done.stderr)

    def check(self, backend):
        wait_for(lambda: len(backend.spans()) == 2 * COUNT and len(backend.logs()) == COUNT, what="everything")
        self.assertEqual({resource["service.name"] for resource, _, _ in backend.spans()}, {"shop"})
        servers = {span["parentSpanId"]: span for _, _, span in backend.spans() if span["kind"] == 2}
        clients = {span["spanId"]: span for _, _, span in backend.spans() if span["kind"] == 3}
        self.assertEqual((set(servers), len(servers)), (set(clients), COUNT))
        self.assertEqual({attributes(span)["url.query"] for span in servers.values()}, {str(i) for i in range(COUNT)})
        self.assertEqual({plain(record["body"]) for _, _, record in backend.logs()}, {"paper is low: %d" % i for i in range(COUNT)})
        self.assertLessEqual({record["spanId"] for _, _, record in backend.logs()}, {span["spanId"] for span in servers.values()})
        durations = [metric for _, _, metric in backend.metrics() if metric["name"] == "http.server.request.duration"]
        self.assertEqual(sum(int(p["count"]) for p in durations[-1]["histogram"]["dataPoints"]), COUNT)
        self.assertIn("jvm.memory.used", {metric["name"] for _, _, metric in backend.metrics()})


if __name__ == "__main__":
    unittest.main()
