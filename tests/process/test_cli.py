"""The command line: sub-commands, where configuration comes from, how values are written."""
import http.server, os, sys, unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import *

MINIMAL = """
receivers: {nop: {}}
processors:
  batch: {}
exporters: {nop: {}}
service: {telemetry: {metrics: {level: none}}, pipelines: {traces: {receivers: [nop], processors: [batch], exporters: [nop]}}}
"""


class CommandLine(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="weir-test-")
        self.addCleanup(self.folder.cleanup)
        self.minimal = self.write("minimal.yaml", MINIMAL)

    def write(self, name, text):
        path = os.path.join(self.folder.name, name)
        with open(path, "w") as f:
            f.write(text)
        return path

    def run_weir(self, *arguments, env=None):
        done = subprocess.run([binary(), *arguments], capture_output=True, text=True, timeout=30, cwd=self.folder.name, env={**os.environ, **(env or {})})
        return done.returncode, done.stdout, done.stderr

    def printed(self, *arguments, env=None):
        """The configuration as weir understands it, of what must be right."""
        code, out, err = self.run_weir("print-config", "--format=json", *arguments, env=env)
        self.assertEqual(code, 0, err)
        return json.loads(out)

    def batch(self, settings, env=None, *more):
        path = self.write("batch.yaml", MINIMAL.replace("batch: {}", "batch: " + settings))
        return self.printed("--config", path, *more, env=env)["processors"]["batch"]

    def test_help_names_everything(self):
        code, out, _ = self.run_weir("--help")
        self.assertEqual(code, 0)
        for word in ("run", "validate", "explain", "print-config", "components", "featuregate", "version", "--config", "--set", "--feature-gates", "SIGHUP", "${env:X:-default}"):
            self.assertIn(word, out)
        for command in ("run", "validate", "explain", "print-config", "components"):
            self.assertEqual(self.run_weir(command, "--help")[0], 0)

    def test_version(self):
        for arguments in (["version"], ["--version"], ["-v"]):
            code, out, _ = self.run_weir(*arguments)
            self.assertEqual(code, 0)
            self.assertRegex(out, r"^weir version \d+\.\d+\.\d+\n$")

    def test_wrong_arguments_end_with_one(self):
        for arguments in (["--nonsense"], ["--config"], ["nonsense"], ["validate", "--config", "not-there.yaml"], ["validate", "--config", self.minimal, "--set", "a"]):
            code, _, err = self.run_weir(*arguments)
            self.assertEqual(code, 1, arguments)
            self.assertTrue(err, arguments)

    def test_components(self):
        code, out, _ = self.run_weir("components")
        self.assertEqual(code, 0)
        for part in ("buildinfo:", "receivers:\n", "  - name: otlp\n", "processors:\n", "exporters:\n", "connectors:\n", "extensions:\n", "providers:\n"):
            self.assertIn(part, out)
        self.assertIn("send_batch_size: ", self.run_weir("components", "processor/batch")[1])
        self.assertIn("| `send_batch_size` | int | `8192` |", self.run_weir("components", "processor/batch", "--markdown")[1])
        self.assertEqual(self.run_weir("components", "processor/bath")[0], 1)

    def test_explain(self):
        code, out, _ = self.run_weir("explain", "--config", self.minimal)
        self.assertEqual(code, 0)
        self.assertIn("batch", out)

    def test_feature_gates(self):
        self.assertIn("processor.tailsamplingprocessor.metricstatcountspanssampled", self.run_weir("featuregate")[1])
        self.assertEqual(self.run_weir("validate", "--config", self.minimal, "--feature-gates=-component.a,+service.b", "--feature-gates=confmap.d"), (0, "", ""))

    def test_later_sources_are_merged_over_earlier_ones(self):
        second = self.write("second.yaml", "processors: {batch: {timeout: 3s}}\n")
        batch = self.printed("--config", self.minimal, "--config=file:" + second, "--config=yaml:processors::batch::send_batch_size: 7",
                             "--set=processors.batch.send_batch_max_size=9")["processors"]["batch"]
        self.assertEqual((batch["timeout"], batch["send_batch_size"], batch["send_batch_max_size"]), ("3s", 7, 9))

    def test_a_whole_configuration_from_a_variable_or_the_web(self):
        self.assertIn("batch", self.printed("--config=env:CONFIG", env={"CONFIG": MINIMAL})["processors"])

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *args):
                pass

            def do_GET(self):
                body = MINIMAL.encode() if self.path == "/good.yaml" else b"gone"
                self.send_response(200 if self.path == "/good.yaml" else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            url = "http://127.0.0.1:%d/" % server.server_address[1]
            self.assertIn("batch", self.printed("--config=" + url + "good.yaml")["processors"])
            code, _, err = self.run_weir("validate", "--config=" + url + "other.yaml")
            self.assertEqual(code, 1)
            self.assertIn("404", err)
            server.shutdown()
        self.assertIn('scheme "s3"', self.run_weir("validate", "--config=s3:bucket")[2])

    def test_references(self):
        self.write("size.txt", "12\n")
        rows = [("{send_batch_size: '${env:N}'}", "send_batch_size", 12),
                ("\n    send_batch_size: ${env:N}", "send_batch_size", 12),
                ("\n    send_batch_size: ${N}", "send_batch_size", 12),
                ("\n    send_batch_size: $N", "send_batch_size", 12),
                ("{send_batch_size: '${env:N}0'}", "send_batch_size", 120),
                ("{send_batch_size: '${env:UNSET:-34}'}", "send_batch_size", 34),
                ("{send_batch_size: '${env:N:-34}'}", "send_batch_size", 12),
                ("{send_batch_size: '${env:UNSET}'}", "send_batch_size", 8192),
                ("{send_batch_size: '${file:size.txt}'}", "send_batch_size", 12),
                ("{send_batch_size: '${file:${env:NAME}.txt}'}", "send_batch_size", 12),
                ("{send_batch_size: '${yaml:5}'}", "send_batch_size", 5),
                ("${env:ALL}", "timeout", "5s"),
                ("{metadata_keys: ['a$$b']}", "metadata_keys", ["a$b"]),
                ("{metadata_keys: ['$${env:N}']}", "metadata_keys", ["${env:N}"]),
                ("{metadata_keys: ['${env:ZEROS}']}", "metadata_keys", ["00123"])]
        env = {"N": "12", "NAME": "size", "ALL": "{timeout: 5s}", "ZEROS": "00123"}
        for settings, key, expected in rows:
            with self.subTest(settings=settings):
                self.assertEqual(self.batch(settings, env)[key], expected)

    def test_old_configurations_are_loosely_typed(self):
        rows = [("{send_batch_size: '8_000'}", "send_batch_size", 8000), ("{send_batch_size: 65_536}", "send_batch_size", 65536),
                ("{metadata_keys: 'a,b'}", "metadata_keys", ["a", "b"]), ("{metadata_keys: a}", "metadata_keys", ["a"]),
                ("{timeout: 1000000}", "timeout", "1ms"), ("null", "send_batch_size", 8192)]
        for settings, key, expected in rows:
            with self.subTest(settings=settings):
                self.assertEqual(self.batch(settings)[key], expected)

    def test_secrets_are_masked_unless_asked_for(self):
        path = self.write("secret.yaml", MINIMAL.replace("exporters: {nop: {}}", "exporters: {nop: {}, otlp: {endpoint: 'x:1', headers: {k: hush}}}").replace(
            "telemetry: {", "telemetry: {traces: {processors: [{batch: {exporter: {otlp: {endpoint: x, headers: [{name: k, value: hush}]}}}}]}, "))
        _, out, _ = self.run_weir("print-config", "--config", path)
        self.assertNotIn("hush", out)
        self.assertIn("[REDACTED]", out)
        self.assertEqual(self.run_weir("print-config", "--config", path, "--mode=unredacted")[1].count("hush"), 2)

    def test_the_schema_knows_every_setting(self):
        code, out, _ = self.run_weir("components", "--schema")
        self.assertEqual(code, 0)
        schema = json.loads(out)
        batch = schema["$defs"]["processor.batch"]["properties"]
        self.assertEqual(batch["send_batch_size"]["default"], 8192)
        self.assertIn("integer", batch["send_batch_size"]["type"])
        self.assertIn("protocols", schema["$defs"]["receiver.otlp"]["properties"])
        self.assertIn("^otlp(/.+)?$", schema["properties"]["receivers"]["patternProperties"])
        self.assertIn("telemetry", schema["properties"]["service"]["properties"])
        for definition in schema["$defs"].values():
            for name, setting in definition.get("properties", {}).items():
                self.assertTrue(setting["description"], name)


if __name__ == "__main__":
    unittest.main()
