"""The comparison itself: it forgives order, grouping and defaults, and nothing else."""
import copy, unittest

from peer import *


def request(signal, seed=1):
    return Telemetry(seed).request(signal, 40)


class Compare(unittest.TestCase):
    def test_the_same_seed_makes_the_same_telemetry(self):
        for signal in SIGNALS:
            self.assertEqual(request(signal), request(signal))
            self.assertNotEqual(request(signal), request(signal, 2))

    def test_order_and_grouping_are_forgiven(self):
        one = request("traces")
        other = {"resourceSpans": []}
        for group in reversed(one["resourceSpans"]):
            for scope in group["scopeSpans"]:
                for span in reversed(scope["spans"]):
                    single = {**copy.deepcopy(group), "scopeSpans": [{**copy.deepcopy(scope), "spans": [{**span, "attributes": span.get("attributes", [])[::-1]}]}]}
                    other["resourceSpans"].append(single)
        self.assertEqual(difference(records([one]), records([other])), "")

    def test_defaults_are_forgiven(self):
        span = {"spanId": "0000000000000001", "name": "a"}
        full = {**span, "kind": 0, "parentSpanId": "", "events": [], "status": {}, "startTimeUnixNano": "0"}
        wrap = lambda s: [{"resourceSpans": [{"resource": {}, "scopeSpans": [{"spans": [s]}]}]}]
        self.assertEqual(difference(records(wrap(span)), records(wrap(full))), "")

    def test_every_other_change_is_seen(self):
        def point(**fields):
            return records([{"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "m", "gauge": {"dataPoints": [fields]}}]}]}]}])
        def attribute(value):
            return point(attributes=[{"key": "k", "value": value}])
        rows = [(point(), point(asInt="0")), (point(asInt="1"), point(asDouble=1)), (point(asInt="1"), point(asInt="2")),
                (point(timeUnixNano="1"), point(timeUnixNano="2")), (attribute({"intValue": "1"}), attribute({"doubleValue": 1})),
                (attribute({"intValue": "1"}), attribute({"stringValue": "1"})), (attribute({}), attribute({"stringValue": ""})), (point(), point() + point())]
        for i, (one, other) in enumerate(rows):
            with self.subTest(row=i):
                self.assertNotEqual(difference(one, other), "")

    def test_a_difference_names_the_place_and_both_values(self):
        one = request("traces")
        other = copy.deepcopy(one)
        span = other["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
        span["kind"] = 9
        text = difference(records([one]), records([other]))
        self.assertIn(span["spanId"], text)
        self.assertRegex(text, r"span\.kind: otelcol .*, weir 9")


if __name__ == "__main__":
    unittest.main()
