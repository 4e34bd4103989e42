"""Random settings of the processors for metrics, on random series that go on through several requests, in both programs.

WEIR_METRICS_SEEDS=FIRST:END: which runs."""
import time, unittest

from peer import *
from test_processors import Settings, config_of, has_items

SEEDS = range(*map(int, os.environ.get("WEIR_METRICS_SEEDS", "0:3").split(":")))
PIPELINES = 10
NAMES = ["http.requests", "http.duration", "queue", "system.cpu.usage", "system.cpu.idle", "system.memory.used", "process_start_time_seconds"]
MINUTE = 60 * 10**9


class Series:
    """One series: the points it has at one time after another, as a data point of OTLP JSON."""

    def __init__(self, random, kind, cumulative, began, attributes):
        self.random, self.kind, self.cumulative, self.attributes = random, kind, cumulative, attributes
        self.start = self.time = began
        self.has_start = random.random() < 0.8
        self.floating = random.random() < 0.5
        self.value = 0.0
        self.bounds = sorted(random.sample([0, 1, 5, 10, 50, 100], random.randrange(1, 6))) if random.random() < 0.9 else []
        self.counts = [0] * (len(self.bounds) + 1)
        self.has_sum = random.random() < 0.8
        self.has_range = random.random() < 0.5
        self.scale, self.threshold, self.zero = random.randrange(-2, 8), random.choice([0.0, 0.0, 0.001]), 0
        self.sides = {"positive": {}, "negative": {} if random.random() < 0.5 else None}
        self.resets = self.widens = self.mixes = self.reshapes = self.flags = self.flags_first = True
        self.number_of_points = 0
        self.exemplars = kind != "summary"

    def chance(self, share):
        return self.random.random() < share

    def reset(self):
        self.value, self.zero = 0.0, 0
        self.counts = [0] * len(self.counts)
        self.sides = {name: None if side is None else {} for name, side in self.sides.items()}
        if self.chance(0.5):
            self.start = self.time

    def point(self):
        """The next one."""
        if not self.cumulative:
            self.start, before = self.time, self.start
            if self.chance(0.1):
                self.start = before
        if self.chance(0.08 if self.resets else 0) or not self.cumulative:
            start = self.start
            self.reset()
            if not self.cumulative:
                self.start = start
        self.time += self.random.choice([MINUTE, MINUTE, MINUTE, MINUTE, 0, -MINUTE // 2 if self.chance(0.3) else MINUTE])
        out = {"timeUnixNano": str(self.time), "attributes": self.attributes}
        if self.has_start:
            out["startTimeUnixNano"] = str(self.start)
        out.update(getattr(self, self.kind)())
        if self.chance(0.04) and self.flags and (self.number_of_points or self.flags_first):
            out["flags"] = 1
        self.number_of_points += 1
        if self.chance(0.1) and self.exemplars:
            out["exemplars"] = [{"timeUnixNano": str(self.time), "asDouble": 1.5, "traceId": "0" * 31 + "1", "spanId": "0" * 15 + "2"}]
        return out

    def process_start(self):
        """Seconds since 1970, which do not change."""
        return {"asDouble": START / 1e9 - 1000.5}

    def gauge(self):
        self.value = self.random.uniform(-100, 100)
        return self.number()

    def sum(self):
        self.value += self.random.choice([0, 1, 2.5, 100])
        return self.number()

    def number(self):
        if self.chance(0.02 if self.floating or self.mixes else 0):
            return {"asDouble": "NaN"}
        if self.chance(0.02 if self.mixes else 0):
            self.floating = not self.floating
        return {"asDouble": self.value} if self.floating else {"asInt": str(int(self.value))}

    def statistics(self, counts):
        self.value += self.random.choice([0, 3.25, 10])
        out = {"count": str(sum(counts))}
        if self.has_sum:
            out["sum"] = "NaN" if self.kind == "histogram" and self.chance(0.02) else self.value
        if self.has_range:
            out.update(min=-1.0, max=50.0)
        return out

    def histogram(self):
        if self.chance(0.03 if self.reshapes else 0):
            self.bounds, self.counts = self.bounds + [1000], self.counts + [0]
        for _ in range(3):
            self.counts[self.random.randrange(len(self.counts))] += self.random.randrange(5)
        out = {**self.statistics(self.counts), "explicitBounds": [float(b) for b in self.bounds], "bucketCounts": [str(n) for n in self.counts]}
        if not self.bounds and self.chance(0.5):
            del out["explicitBounds"], out["bucketCounts"]
        return out

    def exponentialHistogram(self):
        self.zero += self.random.randrange(2)
        if self.chance(0.08):
            self.scale -= 1
            self.sides = {name: None if side is None else self.coarser(side) for name, side in self.sides.items()}
        if self.chance(0.02 if self.resets else 0):
            self.scale += 1
        if self.chance(0.03):
            self.threshold = self.random.choice([0.0, 0.001, 0.01]) if self.resets and self.widens else self.threshold  # there the count of zeros wraps around
        out, counts = {"scale": self.scale, "zeroCount": str(self.zero)}, [self.zero]
        if self.threshold:
            out["zeroThreshold"] = self.threshold
        for name, side in self.sides.items():
            if side is None:
                continue
            for _ in range(3):
                index = self.random.randrange(-8, 12)
                side[index] = side.get(index, 0) + self.random.randrange(4)
            low, high = min(side), max(side)
            list_of = [side.get(i, 0) for i in range(low, high + 1)]
            counts += list_of
            out[name] = {"offset": low, "bucketCounts": [str(n) for n in list_of]}
        return {**out, **self.statistics(counts)}

    @staticmethod
    def coarser(side):
        out = {}
        for index, count in side.items():
            out[index >> 1] = out.get(index >> 1, 0) + count
        return out

    def summary(self):
        self.counts[0] += self.random.randrange(5)
        return {"count": str(self.counts[0]), "sum": self.value + self.counts[0], "quantileValues": [{"quantile": 0.5, "value": 1.0}, {"quantile": 0.99, "value": 4.5}]}


class Fleet:
    """Resources with metrics with series, and requests with the next points of many of them."""

    def __init__(self, seed, kinds=KINDS, temporalities=(1, 2), began=None, change=lambda series: None, resources=3, scopes=2):
        self.random = random = __import__("random").Random(seed)
        began = START if began is None else began
        self.groups = []
        for n in range(random.randrange(1, resources + 1)):
            of_resource = []
            for s in range(random.randrange(1, scopes + 1)):
                metrics = []
                for name in random.sample(NAMES, random.randrange(1, len(NAMES))):
                    kind, temporality = random.choice(kinds), random.choice(temporalities)
                    if name == "process_start_time_seconds":
                        kind = "gauge"
                    monotonic = random.random() < 0.75
                    series = []
                    for host in random.sample(["a", "b", "c"], random.randrange(1, 4)):
                        for state in random.sample(["idle", "user", "used"], random.randrange(1, 3)):
                            attributes = [{"key": "host", "value": {"stringValue": host}}, {"key": "state", "value": {"stringValue": state}}]
                            if random.random() < 0.1:
                                attributes.append({"key": "code", "value": random.choice([{"intValue": "200"}, {"boolValue": True}, {"doubleValue": 0.5}])})
                            one = Series(random, kind, temporality == 2, began, attributes)
                            if name == "process_start_time_seconds":
                                one.gauge = one.process_start
                            change(one)
                            series.append(one)
                    metrics.append(({"name": name, "unit": random.choice(["", "s", "By", "1"]), "description": random.choice(["", "words"])}, kind, temporality, monotonic, series))
                of_resource.append(({"name": "scope%d" % s} if s else {}, metrics))
            self.groups.append(({"attributes": [{"key": "service.name", "value": {"stringValue": "shop%d" % n}}]}, of_resource))

    def request(self):
        groups = []
        for resource, scopes in self.groups:
            of_group = []
            for scope, metrics in scopes:
                items = []
                for head, kind, temporality, monotonic, series in metrics:
                    points = [one.point() for one in series if self.random.random() < 0.85]
                    if not points and self.random.random() < 0.7:
                        continue
                    data = {"dataPoints": points}
                    if kind in ("sum", "histogram", "exponentialHistogram"):
                        data["aggregationTemporality"] = temporality
                    if kind == "sum" and monotonic:
                        data["isMonotonic"] = True
                    items.append({**{k: v for k, v in head.items() if v}, kind: data})
                of_group.append({"scope": scope, "metrics": items})
            groups.append({"resource": resource, "scopeMetrics": of_group})
        return {"resourceMetrics": groups}


class Draw(Settings):
    fresh = 0
    AGGREGATIONS = ("sum", "mean", "min", "max", "count", "median")

    def pattern(self):
        return self.one_of("^system\\.(?P<part>[a-z]+)\\.", "^http", "(cpu|memory)\\.(.*)$", ".*", "queue", "^http\\.(?P<what>.*)$", "usage|idle")

    def match(self):
        out = {}
        if self.chance(0.6):
            kind = self.one_of("strict", "regexp")
            out.update(match_type=kind, metrics=self.some(lambda: self.pattern() if kind == "regexp" else self.one_of(*NAMES)))
        if self.chance(0.4):
            out["metric_types"] = self.some(lambda: self.one_of("sum", "Histogram", "exponentialhistogram"))
        return out

    def cumulativetodelta(self):
        out = {}
        for way in ("include", "exclude"):
            if self.chance(0.3) and (match := self.match()):
                out[way] = match
        if self.chance(0.7):
            out["initial_value"] = self.one_of("auto", "keep", "drop")
        return out

    def operation(self):
        label = self.one_of("host", "state", "code", "nope")
        action = self.one_of("add_label", "update_label", "update_label", "delete_label_value", "toggle_scalar_data_type", "experimental_scale_value", "aggregate_labels", "aggregate_label_values")
        values = self.some(lambda: self.one_of("a", "b", "idle", "user", "200", ""))
        return {"action": action, **{
            "add_label": lambda: {"new_label": self.one_of("host", "fresh"), "new_value": self.one_of("x", "y")},
            "update_label": lambda: self.update_label(label, values),
            "delete_label_value": lambda: {"label": label, "label_value": values[0]},
            "toggle_scalar_data_type": lambda: {},
            "experimental_scale_value": lambda: {"experimental_scale": self.one_of(2, 0.5, 1000, -1, 0.001)},
            "aggregate_labels": lambda: {"label_set": self.random.sample(["host", "state", "code"], self.random.randrange(3)), "aggregation_type": self.one_of(*self.AGGREGATIONS)},
            "aggregate_label_values": lambda: {"label": label, "aggregated_values": values, "new_value": self.one_of("joined", "a"), "aggregation_type": self.one_of(*self.AGGREGATIONS)}}[action]()}

    def update_label(self, label, values):
        out = {"label": label, "value_actions": [{"value": v, "new_value": self.one_of("X", "b")} for v in values]}
        if self.chance(0.3):  # to a name that is there: of another label there, perhaps, are the values then
            out = {"label": label, "new_label": self.one_of(*sorted({"state", "host"} - {label}))}
        elif self.chance(0.5):
            self.fresh += 1
            out["new_label"] = "fresh%d" % self.fresh
        return out

    def transform(self, *actions):
        kind = self.one_of("strict", "regexp", "regexp", None)
        out = {"include": self.pattern() if kind == "regexp" else self.one_of(*NAMES), "action": self.one_of(*actions)}
        if kind:
            out["match_type"] = kind
        if self.chance(0.25) and out["action"] in ("update", "insert"):
            out["experimental_match_labels"] = {self.one_of("host", "state", "code", "nope"): self.one_of("a", "idle", "") if kind != "regexp" else self.one_of("a|b", "^i", "", ".*")}
        if out["action"] in ("insert", "combine") or self.chance(0.4):
            out["new_name"] = self.one_of("renamed", "a.b", "x.${1}.y", "${part}.renamed", "$1", "$0.more", "cost $$5", "${nope}")
        if out["action"] == "combine":
            out["aggregation_type"] = self.one_of(*self.AGGREGATIONS)
            if self.chance(0.5):
                out["submatch_case"] = self.one_of("lower", "upper")
        if out["action"] == "group":
            out["group_resource_labels"] = {"grouped": "yes", "service.name": "other"} if self.chance(0.8) else {"grouped": "no"}
        if self.chance(0.7):
            out["operations"] = self.some(self.operation)
        return out

    def metricstransform(self, *actions):
        return {"transforms": self.some(lambda: self.transform(*actions))}

    def rule(self):
        one, two = self.random.sample(NAMES, 2)
        out = {"name": self.one_of("made", "made.too", "queue"), "metric1": one, "operation": self.one_of("add", "subtract", "multiply", "divide", "percent"),
               "type": self.one_of("calculate", "calculate", "scale")}
        if out["name"] in (one, two):
            out["name"] = "made"
        if self.chance(0.6):
            out["unit"] = "By"
        if out["type"] == "scale":
            out["scale_by"] = self.one_of(2, 0.5, 1000)
        else:
            out["metric2"] = two
        return out


class MetricProcessors(Differential):
    # Doubles are added up in another order here and there, so the last digits may differ.
    @staticmethod
    def rounded(record):
        def shorter(path, text):
            if not path.startswith("point") or "Nano" in path:
                return text
            try:
                return "%.11g" % (float(text) + 0.0) if "." in text or "e" in text else text
            except ValueError:
                return text
        return {path: shorter(path, text) for path, text in record.items()}

    @staticmethod
    def without_empty_buckets(record):
        """Those at the ends of an exponential histogram say nothing."""
        out = dict(record)
        for side in ("point.positive", "point.negative"):
            counts = {int(re.search(r"\d+", path[len(side):]).group()): text for path, text in record.items() if path.startswith(side + ".bucketCounts")}
            used = [i for i, text in counts.items() if text != "0"]
            for i in counts:
                del out["%s.bucketCounts[%d]" % (side, i)]
            offset = int(out.pop(side + ".offset", "0"))
            for i in used:
                out["%s[%d]" % (side, offset + i)] = counts[i]
        return out

    @staticmethod
    def start_of_the_process(record):
        """Start times that are when the program began, as one word."""
        def said(path, text):
            return "this process" if path.endswith("startTimeUnixNano") and abs(int(text) / 1e9 - time.time()) < 600 else text
        return {path: said(path, text) for path, text in record.items()}

    def check(self, chains, sent, until=None, ignore=(), pause=0, gates=(), view=lambda record: record):
        def feed(places, requests):
            answers = []
            for request in requests:
                answers += send(places, [request])
                time.sleep(pause)
            return answers
        args = ["--feature-gates=" + ",".join(gates)] if gates else []
        reference, ours = self.both(config_of("metrics", chains), sent, until=until, feed=feed, args=args)
        self.assertEqual(reference.answers, ours.answers)
        for name, chain in chains.items():
            keep = lambda record: record.get("resource.attributes[pipeline]") == repr(name) and has_items(record)
            views = [[view(self.rounded(record)) for record in outcome.records(keep=keep, ignore=ignore)] for outcome in (reference, ours)]
            with self.subTest(pipeline=name):
                found = difference(*views)
                if found:
                    self.fail("%s\n%s" % (json.dumps(chain), found))

    def rounds(self, make, kinds=KINDS, temporalities=(1, 2), requests=5, began=None, change=lambda series: None, resources=3, scopes=2, **options):
        for seed in SEEDS:
            with self.subTest(seed=seed):
                settings = Draw("%s %d" % (self.id(), seed))
                fleet = Fleet("%s %d" % (self.id(), seed), kinds, temporalities, began, change, resources, scopes)
                chains = {"p%d" % i: make(settings, "p%d" % i) for i in range(PIPELINES)}
                self.check(chains, [("metrics", fleet.request()) for _ in range(requests)], **options)

    @staticmethod
    def only_grows(series):
        """Histograms that begin anew go on with the next point here, and when they are above what they were before there."""
        series.resets = series.kind not in ("histogram", "exponentialHistogram")

    @staticmethod
    def one_type(series):
        """Numbers of both types are joined here, and by chance there; those of points that are joined twice have by chance
        the exemplars and flags of one of them there."""
        series.mixes = series.floating = series.flags = series.exemplars = False

    @staticmethod
    def no_exemplars(series):
        """Those of a point go with it here; there the first point's go with all, as does its flag, a sum loses what it was when its type changes,
        and a zero bucket is as wide as the one or the other histogram has it."""
        series.exemplars = series.mixes = series.flags_first = series.widens = False
        if series.kind == "histogram":  # one with other buckets is a first one again
            series.flags = False

    def test_cumulativetodelta(self):
        self.rounds(lambda s, name: [("cumulativetodelta/" + name, s.cumulativetodelta())], temporalities=(2, 2, 1), change=self.only_grows)

    def test_cumulativetodelta_of_series_that_began_later(self):
        self.rounds(lambda s, name: [("cumulativetodelta/" + name, s.cumulativetodelta())], temporalities=(2,), began=2_000_000_000_000_000_000, change=self.only_grows)

    def test_deltatocumulative(self):
        self.rounds(lambda s, name: [("deltatocumulative/" + name, s.one_of({}, {"max_stale": "1h"}))], temporalities=(1, 1, 2), change=self.no_exemplars, view=self.without_empty_buckets)

    def test_there_and_back(self):
        def change(series):
            self.only_grows(series)
            self.no_exemplars(series)
            series.mixes = series.floating = False
        self.rounds(lambda s, name: [("cumulativetodelta/" + name, {"initial_value": "keep"}), ("deltatocumulative/" + name, {})], temporalities=(2,), change=change, view=self.without_empty_buckets)

    def test_deltatorate(self):
        self.rounds(lambda s, name: [("deltatorate/" + name, {"metrics": s.some(lambda: s.one_of(*NAMES), 5)})], temporalities=(1, 1, 2))

    def test_metricstransform(self):
        self.rounds(lambda s, name: [("metricstransform/" + name, s.metricstransform("update", "update", "insert", "group"))], kinds=["gauge", "sum", "histogram", "summary"], change=self.one_type)

    def test_metricstransform_combines(self):
        # The points of a summary that is combined with nothing are lost there.
        def change(series):
            self.one_type(series)
            self.no_exemplars(series)
        self.rounds(lambda s, name: [("metricstransform/" + name, s.metricstransform("combine", "combine", "update"))], kinds=["gauge", "sum", "histogram"], change=change)

    def test_metricstransform_of_exponential_histograms(self):
        # Joined there in another way, so here nothing is.
        def make(s, name):
            transforms = s.metricstransform("update", "insert", "group")
            for transform in transforms["transforms"]:
                transform["operations"] = [op for op in transform.get("operations", []) if not op["action"].startswith("aggregate") and op.get("experimental_scale") != -1]
            return [("metricstransform/" + name, transforms)]
        self.rounds(make, kinds=["exponentialHistogram"])

    def test_metricsgeneration(self):
        self.rounds(lambda s, name: [("metricsgeneration/" + name, {"rules": s.some(s.rule)})])

    def test_metricsgeneration_with_attributes(self):
        self.rounds(lambda s, name: [("metricsgeneration/" + name, {"rules": s.some(s.rule)})], gates=["metricsgeneration.MatchAttributes"])

    def test_interval(self):
        self.rounds(lambda s, name: [("interval/" + name, {"interval": "1s", "pass_through": {kind: s.chance(0.4) for kind in ("gauge", "summary")}})], pause=0)

    def test_metricstarttime(self):
        def make(s, name):
            strategy = s.one_of("true_reset_point", "subtract_initial_point", "start_time_metric")
            return [("metricstarttime/" + name, {"strategy": strategy, **({"start_time_metric_regex": "^process_.*"} if strategy == "start_time_metric" and s.chance(0.5) else {})})]
        def change(series):
            # Other buckets are a reset there; without a value they are one as well if start times come from a metric.
            series.reshapes = series.flags = False
            series.has_sum = True
        # With more resources the metric of the first is that of all there, and series of two scopes are one; when both programs began is not equal.
        self.rounds(make, kinds=["gauge", "sum", "histogram", "summary"], temporalities=(2,), change=change, resources=1, scopes=1, view=self.start_of_the_process)


if __name__ == "__main__":
    unittest.main()
