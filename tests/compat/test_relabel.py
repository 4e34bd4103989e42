"""Random relabel rules do what the Prometheus library makes of them. $WEIR_RELABEL_COUNT of them from $WEIR_RELABEL_SEED, 100,000 from 1 if unset."""
import os, subprocess, sys, tempfile, unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import *

LIBRARY = os.path.join(ROOT, "build", "peer", "relabel")
TESTS = os.path.join(os.path.dirname(binary()), "components", "components_test")


@unittest.skipUnless(os.path.exists(LIBRARY) and os.path.exists(TESTS), "no Prometheus library: run tools/peer/prometheus/build")
class Relabel(unittest.TestCase):
    def test_random_rules(self):
        count = os.environ.get("WEIR_RELABEL_COUNT", "100000")
        with tempfile.NamedTemporaryFile() as cases:
            subprocess.run([LIBRARY, os.environ.get("WEIR_RELABEL_SEED", "1"), count], stdout=cases, check=True)
            done = subprocess.run([TESTS, "-tc=relabel: random rules*"], env={**os.environ, "WEIR_RELABEL_CASES": cases.name}, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout[-10_000:])
        self.assertIn("%s cases" % count, done.stdout)


if __name__ == "__main__":
    unittest.main()
