"""The service graph that weir draws of random traces is the Go collector's.

Compared is the newest point of each series: how often metrics leave depends on the number of cores. Not compared is what
the README lists as different on purpose (spans that end before they start, what leaves at shutdown, times).
"""
import random, time, unittest

from peer import *

ORDERED = EXPORTER + "    sending_queue: {enabled: false}\n"  # several senders would let requests overtake each other
SERVICES = ["web", "cart", "stock", "till", "", "雪"]
ZONES = [{"stringValue": "a"}, {"stringValue": "b"}, {"intValue": "7"}, {"boolValue": True}, {"doubleValue": 2.5}, {"arrayValue": {"values": [{"stringValue": "x"}, {"intValue": "1"}]}}, {}]
CLIENT, SERVER, PRODUCER, CONSUMER, INTERNAL = 3, 2, 4, 5, 1


def attribute(key, value):
    return {"key": key, "value": value if isinstance(value, dict) else {"stringValue": value}}


class Calls:
    """Random requests between services: most with both ends, some with one, ends in any order and in any request."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def chance(self, share):
        return self.random.random() < share

    def span(self, trace, own, parent, kind):
        start = START + self.random.randrange(10**9)
        span = {"traceId": "%032x" % trace, "spanId": "%016x" % own, "kind": kind, "name": "op", "startTimeUnixNano": str(start),
                "endTimeUnixNano": str(start + self.random.choice([0, 2 * 10**6, 10**7, self.random.randrange(10**7), self.random.randrange(2 * 10**10)])), "attributes": []}
        if parent:
            span["parentSpanId"] = "%016x" % parent
        if self.chance(0.2):
            span["status"] = {"code": 2}
        if self.chance(0.5):
            span["attributes"].append(attribute("zone", self.random.choice(ZONES)))
        for key in ("db.name", "db.system", "peer.service", "other"):
            if self.chance(0.15):
                span["attributes"].append(attribute(key, self.random.choice(["shop", "pg", ""])))
        return span

    def resource(self):
        attributes = [attribute("service.name", self.random.choice(SERVICES))] if self.chance(0.95) else []
        if self.chance(0.2):
            attributes.append(attribute("zone", self.random.choice(ZONES)))
        return {"attributes": attributes}

    def requests(self, traces, per_request):
        groups = []
        for trace in range(1, traces + 1):
            trace += self.random.getrandbits(64) << 64
            for call in range(1, self.random.randrange(2, 6)):
                near, far = (PRODUCER, CONSUMER) if self.chance(0.2) else (CLIENT, SERVER)
                if self.chance(0.9):
                    groups.append((self.resource(), [self.span(trace, call, 0, near)]))
                if self.chance(0.9):
                    groups.append((self.resource(), [self.span(trace, call + 1000, call if self.chance(0.8) else 0, far)]))
                if self.chance(0.2):
                    groups.append((self.resource(), [self.span(trace, call + 2000, call, INTERNAL)]))
        self.random.shuffle(groups)
        for at in range(0, len(groups), per_request):
            part = groups[at:at + per_request]
            yield "traces", {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]} for resource, spans in part]}


def newest(outcome):
    """The newest point of each series, sums rounded: cores add up in different orders. Metrics without points are left out."""
    series = {}
    for record in outcome.records(drop_times=True, keep=lambda record: any(path.startswith("point.") for path in record)):
        labels = tuple(sorted((key, value) for key, value in record.items() if key.startswith("point.attributes") or key == "metric.name"))
        series[labels] = {key: repr(round(float(value), 9)) if key == "point.sum" else value for key, value in record.items()}
    return list(series.values())


class ServiceGraph(Differential):
    def graph(self, settings, requests, quiet=0.0):
        config = RECEIVER + "connectors: {servicegraph: {%s}}\n" % settings + ORDERED + """
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [servicegraph]}
    metrics: {receivers: [servicegraph], exporters: [otlphttp]}
"""
        def settled(sink):
            started.setdefault(id(sink), time.monotonic())
            return sink.requests and time.monotonic() - started[id(sink)] >= quiet
        started = {}
        reference, ours = self.both(config, requests, until=settled)
        self.assertEqual(reference.answers, ours.answers)
        found = difference(newest(reference), newest(ours))
        if found:
            self.fail(found)
        return newest(reference)

    def test_pairs(self):
        for seed in range(3):
            with self.subTest(seed=seed):
                settings = "metrics_flush_interval: 0s, virtual_node_peer_attributes: [], store: {max_items: 100000, ttl: 1h}"
                self.assertGreater(len(self.graph(settings, list(Calls(seed).requests(200, 40)))), 50)

    def test_dimensions_and_databases(self):
        settings = ("metrics_flush_interval: 0s, virtual_node_peer_attributes: [], store: {max_items: 100000, ttl: 1h}, dimensions: [zone, other], "
                    "database_name_attributes: [nope, db.system, db.name]")
        self.assertGreater(len(self.graph(settings, list(Calls(10).requests(200, 25)))), 100)

    def test_virtual_nodes(self):
        for more in ("", "virtual_node_extra_label: true, ", "virtual_node_peer_attributes: [db.system, peer.service], dimensions: [zone], "):
            with self.subTest(more):
                settings = more + "metrics_flush_interval: 1s, store_expiration_loop: 100ms, store: {max_items: 100000, ttl: 500ms}"
                graph = self.graph(settings, list(Calls(20).requests(150, 1000)), quiet=4)
                self.assertTrue(any(record.get("point.attributes[connection_type]") == "'virtual_node'" for record in graph))

    def test_histograms(self):
        for more in ("latency_histogram_buckets: [1ms, 10ms, 10ms, 1s]", "latency_histogram_buckets: []", "exponential_histogram_max_size: 160",
                     "exponential_histogram_max_size: 5"):
            with self.subTest(more):
                settings = more + ", metrics_flush_interval: 0s, virtual_node_peer_attributes: [], store: {max_items: 100000, ttl: 1h}"
                self.graph(settings, list(Calls(30).requests(150, 30)))

    def test_both_names(self):
        config = RECEIVER + "connectors: {service_graph/x: {metrics_flush_interval: 0s}}\n" + ORDERED + """
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [service_graph/x]}
    metrics: {receivers: [service_graph/x], exporters: [otlphttp]}
"""
        outcomes = self.both(config, list(Calls(40).requests(50, 1000)), until=lambda sink: sink.requests)
        self.assertTrue(all(outcome.requests for outcome in outcomes))


if __name__ == "__main__":
    unittest.main()
