"""prometheus/compliance: weir as a sender and as a receiver of remote write.

The tests are not kept here: `tools/peer/suites` gets and builds them. README.md says which are missed, and why."""
import os, re, shutil, subprocess, sys, tempfile, unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import *

HERE = os.path.dirname(os.path.abspath(__file__))
SUITES = os.path.join(ROOT, "build", "peer", "suites")


def outcomes(program, folder, env, arguments=()):
    """Name of each test -> PASS, FAIL or SKIP, and everything that was said."""
    done = subprocess.run([program, "-test.v", "-test.timeout=20m", *arguments], cwd=folder, env={**os.environ, **env}, capture_output=True, text=True)
    said = done.stdout + done.stderr
    return dict((name, word) for word, name in re.findall(r"^--- (PASS|FAIL|SKIP): (\w+)", said, re.M)), said


@unittest.skipUnless(os.environ.get("WEIR_ALL") == "1" and os.path.exists(os.path.join(SUITES, "sender.test")), "for --all, and only with prometheus/compliance: run tools/peer/suites")
class Compliance(unittest.TestCase):
    def check(self, name, found, missed, said):
        failed = {test for test, word in found.items() if word == "FAIL"}
        print("\nremote write %s: %d of %d tests%s" % (name, len(found) - len(failed), len(found), ", not " * bool(failed) + ", ".join(sorted(failed))))
        self.assertTrue(found, said[-3000:])
        if failed - set(missed):
            lines = [said[m.start():m.start() + 1500] for test in failed - set(missed) for m in [re.search(r"=== RUN +%s\b" % test, said)]]
            self.fail("missed %s\nnot said to be missed: %s\n%s" % (sorted(failed), sorted(failed - set(missed)), "\n".join(lines)))

    def test_sender(self):
        folder = tempfile.mkdtemp(prefix="weir-compliance-")
        self.addCleanup(shutil.rmtree, folder, True)
        os.mkdir(os.path.join(folder, "bin"))
        os.symlink(os.path.join(HERE, "as_prometheus.py"), os.path.join(folder, "bin", "prometheus-3.8.0.linux-amd64"))
        found, said = outcomes(os.path.join(SUITES, "sender.test"), folder, {"WEIR_BINARY": os.path.abspath(binary())})
        self.check("sender", found, SENDER_MISSES, said)

    def test_receiver(self):
        folder, port, out = tempfile.mkdtemp(prefix="weir-compliance-"), free_port(), free_port()
        self.addCleanup(shutil.rmtree, folder, True)
        config = """
receivers: {prometheusremotewrite: {endpoint: "127.0.0.1:%d"}}
exporters: {prometheus: {endpoint: "127.0.0.1:%d"}}
service: {telemetry: {metrics: {level: none}}, pipelines: {metrics: {receivers: [prometheusremotewrite], exporters: [prometheus]}}}
""" % (port, out)
        path = os.path.join(folder, "config.yml")
        with open(path, "w") as f:
            f.write("remote_write:\n  - name: weir\n    url: http://127.0.0.1:%d/api/v1/write\n" % port)
        with Weir(config, ready=[port, out]) as weir:
            found, said = outcomes(os.path.join(SUITES, "receiver.test"), folder, {"PROMETHEUS_RW2_COMPLIANCE_CONFIG_FILE": path})
            self.assertGreater(len(get(out, "/metrics")[1].splitlines()), 20)  # and is read back
            self.assertEqual(weir.stop(), 0)
        self.check("receiver", found, RECEIVER_MISSES, said)


SENDER_MISSES = {"TestBackoffBehavior", "TestBatchingBehavior", "TestCombinedFeatures", "TestEdgeCases", "TestRetryBehavior"}
RECEIVER_MISSES = ()

if __name__ == "__main__":
    unittest.main()
