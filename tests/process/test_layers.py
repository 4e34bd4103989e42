"""The layered set-up of the guide, and its replacement by one process, with weir in every role."""
import os, sys, unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from layers import *


class Layers(unittest.TestCase):
    def test_two_layers(self):
        with Stack() as stack:
            backs = [stack.back(binary(), read("back.yaml")) for _ in range(2)]
            check(self, stack, stack.front(binary(), read("front.yaml"), backs))

    def test_one_process_does_the_same(self):
        with Stack() as stack:
            check(self, stack, stack.one(binary(), read("one.yaml")))


if __name__ == "__main__":
    unittest.main()
