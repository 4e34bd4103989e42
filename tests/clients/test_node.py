"""The Node SDK (npm) sends all three signals. With WEIR_ALL=1 only."""
import shutil, unittest

from backend import *

HERE = os.path.dirname(os.path.abspath(__file__))
INSTALLED = os.path.join(ROOT, "build", "clients-node")
COUNT = 200


def install():
    for name in ("package.json", "client.js"):
        os.makedirs(INSTALLED, exist_ok=True)
        shutil.copy(os.path.join(HERE, "node", name), INSTALLED)
    subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--silent"], cwd=INSTALLED, check=True, timeout=300)


@unittest.skipUnless(os.environ.get("WEIR_ALL") == "1", "downloads packages: ./test --all")
@unittest.skipUnless(shutil.which("npm"), "no npm: tools/setup --oracle")
class NodeSdk(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        install()

    def test_all_signals(self):
        for protocol in ("grpc", "http/protobuf", "http/json"):
            for compression in ("none", "gzip"):
                with self.subTest(protocol=protocol, compression=compression), Backend() as backend:
                    self.send(backend, protocol, compression)
                    self.check(backend)

    def send(self, backend, protocol, compression):
        environment = {**os.environ, "OTEL_SERVICE_NAME": "shop", "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
                       "OTEL_EXPORTER_OTLP_ENDPOINT": backend.endpoint(protocol), "OTEL_EXPORTER_OTLP_COMPRESSION": compression,
                       "OTEL_TRACES_EXPORTER": "otlp", "OTEL_METRICS_EXPORTER": "otlp", "OTEL_LOGS_EXPORTER": "otlp"}
        done = subprocess.run(["node", "client.js", str(COUNT)], cwd=INSTALLED, env=environment, capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def check(self, backend):
        wait_for(lambda: len(backend.spans()) == COUNT and len(backend.logs()) == COUNT and backend.metrics(), what="everything")
        spans = {span["name"]: (resource, scope, span) for resource, scope, span in backend.spans()}
        self.assertEqual(set(spans), {"sale %d" % i for i in range(COUNT)})
        for i in range(COUNT):
            resource, scope, span = spans["sale %d" % i]
            self.assertEqual((resource["service.name"], scope, span["kind"]), ("shop", "till", 2))
            self.assertEqual(attributes(span), {"n": i, "share": i + 0.5, "paid": i % 2 == 0, "tags": ["ä", "雪"]})
        self.assertEqual(spans["sale 7"][2]["status"], {"code": 2, "message": "no change"})
        self.assertEqual({plain(record["body"]): attributes(record)["n"] for _, _, record in backend.logs()},
                         {"paper is low: %d" % i: i for i in range(COUNT)})
        sales = next(metric for _, _, metric in backend.metrics() if metric["name"] == "sales")
        # JavaScript has one kind of number, and its SDK sends doubles.
        self.assertEqual({attributes(p)["till"]: float(p.get("asDouble", p.get("asInt"))) for p in sales["sum"]["dataPoints"]}, {0: COUNT, 1: COUNT})


if __name__ == "__main__":
    unittest.main()
