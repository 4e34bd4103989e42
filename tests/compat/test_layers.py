"""The layered set-up of the guide with the Go collector in some of the roles: one layer can be replaced at a time."""
import os, sys, unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
from layers import *
from peer import otelcol


@unittest.skipUnless(otelcol(), "no Go collector: set WEIR_OTELCOL or run tools/peer/build")
class MixedLayers(unittest.TestCase):
    def run_layers(self, front, *backs):
        """Each is "weir" or "go"."""
        def role(program, name):
            return (binary(), read(name)) if program == "weir" else (otelcol(), modern(read(name)))
        with Stack() as stack:
            ports = [stack.back(*role(program, "back.yaml")) for program in backs]
            check(self, stack, stack.front(*role(front, "front.yaml"), ports))

    def test_weir_in_front_of_go(self):
        self.run_layers("weir", "go", "go")

    def test_go_in_front_of_weir(self):
        self.run_layers("go", "weir", "weir")

    def test_both_behind_weir(self):
        self.run_layers("weir", "weir", "go")

    def test_both_behind_go(self):
        self.run_layers("go", "go", "weir")

    def test_both_in_front_share_the_ring(self):
        """Half of each trace comes through a Go collector, half through weir: they must agree on who owns it."""
        with Stack() as stack:
            ports = [stack.back(binary(), read("back.yaml")) for _ in range(2)]
            fronts = [stack.front(otelcol(), modern(read("front.yaml")), ports), stack.front(binary(), read("front.yaml"), ports)]
            for chunk in range(0, 100, 20):
                for http, body in zip(fronts, two_services(range(chunk + 1, chunk + 21))):
                    self.assertEqual(post(http, "/v1/traces", body)[0], 200)
            wait_for(lambda: len(stack.tempo.spans()) >= 300, 40, "300 spans at tempo")
            reaches(self, lambda: total(stack.mimir, REQUESTS), 100, "requests with both ends at one collector")
            sizes = [sum(s["traceId"] == "%032x" % t for s in stack.tempo.spans()) for t in range(1, 101)]
            self.assertEqual(set(sizes), {3})


if __name__ == "__main__":
    unittest.main()
