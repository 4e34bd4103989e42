"""Span metrics of random spans under random settings: the same series, counts and histograms from both programs.

Many connectors share a process and its input; each has a namespace of its own. Intended differences are listed in the
component's README; settings and telemetry here stay clear of them.
"""
import json, random, re, unittest

from peer import *

DELTA = "AGGREGATION_TEMPORALITY_DELTA"
BUILT_IN = ["service.name", "span.name", "span.kind", "status.code"]
GLOBS = ["http.*", "k.[12]", "{db,user}.**", "k.?", "?"]
# The first is random in the Go collector, the second what the tests look at as a whole.
IGNORED = [r"^point.attributes\[collector.instance.id\]"]
VALUES = re.compile(r"^point\.(asInt|count|sum|min|max|scale|zeroCount|bucketCounts|explicitBounds|positive|negative|exemplars)")


class Settings:
    """Random settings of a connector. The same seed makes the same settings."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def chance(self, share):
        return self.random.random() < share

    def dimensions(self, most, globs=True):
        out = []
        for key in self.random.sample(KEYS, self.random.randrange(most + 1)):
            out.append({"name": key, **({"default": self.random.choice(["", "none", "0"])} if self.chance(0.3) else {})})
        if globs and self.chance(0.3):
            glob = self.random.choice(GLOBS)
            taken = [d["name"] for d in out]
            if not any(self.matches(glob, name) for name in taken):
                out.append({"glob": glob})
        return out

    @staticmethod
    def matches(glob, name):
        pattern = {"http.*": r"http\.[^.]*", "k.[12]": r"k\.[12]", "{db,user}.**": r"(db|user)\..*", "k.?": r"k\.[^.]", "?": r"[^.]"}[glob]
        return re.fullmatch(pattern, name) is not None

    def histogram(self):
        out = {"unit": self.random.choice(["ms", "s"])}
        kind = self.random.randrange(5)
        if kind == 0:
            out["disable"] = True
        elif kind == 1:
            out["explicit"] = {"buckets": ["%dms" % b for b in sorted(self.random.sample(range(1, 9000), self.random.randrange(1, 8)))]}
        elif kind == 2:
            out["exponential"] = {"max_size": self.random.choice([0, 1, 2, 5, 20, 160])}
        if self.chance(0.4):
            out["dimensions"] = self.dimensions(2)
        return out

    def make(self, namespace, temporality):
        out = {"namespace": namespace, "metrics_flush_interval": "1s", "dimensions": self.dimensions(3), "histogram": self.histogram()}
        if temporality:
            out["aggregation_temporality"] = temporality
        if self.chance(0.3):
            out["calls_dimensions"] = self.dimensions(2)
        if self.chance(0.3):
            out["exclude_dimensions"] = self.random.sample(BUILT_IN, self.random.randrange(1, 4))
        if self.chance(0.5):
            out["events"] = {"enabled": True, "dimensions": [{"name": self.random.choice(KEYS)}, *([{"name": "late", "default": "x"}] if self.chance(0.3) else [])]}
        if self.chance(0.3):
            out["aggregation_cardinality_limit"] = self.random.randrange(1, 6)
        if self.chance(0.3):
            out["resource_metrics_key_attributes"] = self.random.choice([["service.name"], ["service.name", "http.method"], ["n"]])
        if self.chance(0.3):
            out["enable_metrics_sampling_method"] = True
        if temporality and self.chance(0.5):
            out["exemplars"] = {"enabled": True, "max_per_data_point": self.random.randrange(4)}
        return out


def config(connectors):
    """All connectors behind one receiver, all metrics to one backend."""
    text = RECEIVER + EXPORTER + "connectors:\n"
    for i, settings in enumerate(connectors):
        text += "  spanmetrics/%d: %s\n" % (i, json.dumps(settings))
    names = ", ".join("spanmetrics/%d" % i for i in range(len(connectors)))
    return text + "service:\n  pipelines:\n    traces: {receivers: [otlp], exporters: [%s]}\n    metrics: {receivers: [%s], exporters: [otlphttp]}\n" % (names, names)


def has_point(record):
    return any(path.startswith("point") for path in record)


def rounded(record):
    """Sums in another order differ in the last digits."""
    return {path: "%.12g" % float(text) if path == "point.sum" else text for path, text in record.items()}


def newest(found):
    """The last record of each series."""
    series = {}
    for record in found:
        series[frozenset((path, text) for path, text in record.items() if not VALUES.match(path))] = record
    return list(series.values())


def flushes(count):
    """A condition: so many more requests arrived than when it was first asked."""
    start = []

    def until(sink):
        start.append(len(sink.requests))
        return start[-1] - start[0] >= count
    return until


class SpanMetrics(Differential):
    def compare(self, connectors, requests, view, until):
        reference, ours = self.both(config(connectors), requests, until=until)
        self.assertEqual(reference.answers, ours.answers)
        a, b = ([rounded(record) for record in view(outcome.records(drop_times=True, ignore=IGNORED, keep=has_point))] for outcome in (reference, ours))
        self.assertGreater(len(a), 100)
        for i, settings in enumerate(connectors):
            mine = [[record for record in found if "n%d." % i in record["metric.name"]] for found in (a, b)]
            with self.subTest(settings=settings):
                found = difference(*mine)
                if found:
                    self.fail("%s\n%s" % (json.dumps(settings), found))

    def test_cumulative(self):
        for seed in range(3):
            connectors = [Settings(100 * seed + i).make("n%d" % i, None) for i in range(20)]
            requests = [("traces", Telemetry(10 * seed + n, special=False).traces(80)) for n in range(4)]
            self.compare(connectors, requests, newest, flushes(3 * len(connectors)))

    def test_delta(self):
        for seed in range(3):
            connectors = [Settings(1000 + 100 * seed + i).make("n%d" % i, DELTA) for i in range(20)]
            self.compare(connectors, [("traces", Telemetry(500 + seed, special=False).traces(300))], list, lambda sink: len(sink.requests) >= 20)


if __name__ == "__main__":
    unittest.main()
