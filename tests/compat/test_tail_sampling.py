"""Random traces through random policies keep the same traces in both programs.

WEIR_TAIL_SEEDS=5-9 takes these seeds instead of the usual ones; each makes 20 sets of policies and 1,000 traces, so 20,000 decisions."""
import collections, json, os, random, unittest

from peer import *

SETS, TRACES, SPANS_IN_REQUEST = 20, 1000, 150
START = 1_700_000_000_000_000_000
MILLISECOND = 1_000_000
KEYS = ["a", "b", "n", "http.status_code", "debug", "service.name"]
WORDS = ["", "x", "alpha", "beta", "gamma", "/health", "/api/v1"]
STATES = ["", "k=v", "k=w,other=1", "other=1, k=v", "k=v,k=w", "K=v", "k=", " k=v", "k=v ,", "broken", "k=v,,other=2", "t@s=v,k=v"]
CONDITIONS = ['attributes["a"] == "alpha"', 'span.attributes["n"] > 50', 'span.end_time - span.start_time > Duration("1s")', "IsRootSpan()",
              'resource.attributes["service.name"] == "s1"', 'IsMatch(name, "^op[12]$")', "status.code == STATUS_CODE_ERROR", "kind == SPAN_KIND_CLIENT",
              'attributes["b"] != nil and Len(attributes["b"]) > 3', 'Int(attributes["a"]) == 5', 'Double(attributes["n"]) > 10.5', "false",
              'ParseJSON(attributes["a"])["x"] == 1', 'instrumentation_scope.name == "lib"', "trace_state[\"k\"] == \"v\"", 'Concat([name, attributes["a"]], "-") == "op1-x"']
EVENTS = ['name == "e1"', 'spanevent.attributes["a"] == "alpha"', 'span.name == "op1" and spanevent.name == "e2"']


class Traces:
    """Traces whose spans are spread over resources, scopes and requests. The same seed makes the same ones."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def value(self):
        return self.random.choice([
            lambda: {"stringValue": self.random.choice(WORDS)}, lambda: {"stringValue": self.random.choice(WORDS)},
            lambda: {"intValue": str(self.random.choice([0, 5, 50, 100, 200, 404, 500, 503, -7]))}, lambda: {"boolValue": self.random.random() < 0.5},
            lambda: {"doubleValue": 20.5}, lambda: {}])()

    def attributes(self, most):
        return [{"key": key, "value": self.value()} for key in self.random.sample(KEYS[:5], self.random.randrange(most + 1))]

    def span(self, trace, root):
        start = START + self.random.randrange(3000) * MILLISECOND
        span = {"traceId": trace, "spanId": "%016x" % self.random.getrandbits(64), "name": "op%d" % self.random.randrange(4), "kind": self.random.randrange(6),
                "startTimeUnixNano": str(start), "endTimeUnixNano": str(start + self.random.choice([0, 1, 40, 300, 2500]) * MILLISECOND), "attributes": self.attributes(3)}
        if not root:
            span["parentSpanId"] = "%016x" % self.random.getrandbits(64)
        if self.random.random() < 0.03:
            span["startTimeUnixNano"] = span["endTimeUnixNano"] = "0"
        if self.random.random() < 0.5:
            span["status"] = {"code": self.random.choice([0, 0, 0, 1, 2]), "message": self.random.choice(WORDS)}
        if self.random.random() < 0.2:
            span["traceState"] = self.random.choice(STATES)
        if self.random.random() < 0.3:
            span["flags"] = self.random.choice([0, 1, 2, 256, 257])
        if self.random.random() < 0.2:
            span["events"] = [{"name": "e%d" % self.random.randrange(3), "timeUnixNano": str(start), "attributes": self.attributes(2)}]
        return span

    def requests(self, count):
        """Requests with `count` traces of 1 to 8 spans in all, in an order in which traces overlap."""
        spans = []
        for _ in range(count):
            trace, begin = "%032x" % self.random.getrandbits(128), self.random.random()
            for i in range(self.random.choice([1, 1, 2, 3, 5, 8])):
                spans.append((begin + 0.2 * self.random.random(), self.span(trace, i == 0)))
        spans = [span for _, span in sorted(spans, key=lambda row: row[0])]
        return [self.request(spans[i:i + SPANS_IN_REQUEST]) for i in range(0, len(spans), SPANS_IN_REQUEST)]

    def request(self, spans):
        groups = []
        while spans:
            group = {"scopeSpans": []}
            if self.random.random() < 0.9:
                group["resource"] = {"attributes": [{"key": "service.name", "value": {"stringValue": "s%d" % self.random.randrange(4)}}] + self.attributes(1)}
            for _ in range(self.random.randrange(1, 3)):
                take = self.random.randrange(1, 30)
                group["scopeSpans"].append({"scope": {"name": self.random.choice(["", "lib", "lib2"]), "version": "1"}, "spans": spans[:take]})
                spans = spans[take:]
            groups.append(group)
        return {"resourceSpans": groups}


class Policies:
    """Policies whose answer does not depend on the order in which traces are decided."""

    def __init__(self, seed, ingest):
        self.random, self.ingest, self.names = random.Random(seed), ingest, 0

    def leaf(self):
        pick = self.random.choice
        numbers = {"key": pick(KEYS), "min_value": pick([0, 1, 50, 200, -10]), "max_value": pick([0, 100, 404, 503])}
        if not numbers["min_value"] and not numbers["max_value"]:
            numbers["min_value"] = 5
        rows = [
            ("always_sample", None), ("trace_flags", None),
            ("latency", {"threshold_ms": pick([-1, 0, 1, 40, 300, 2000, 4000]), **self.unless_ingest(upper_threshold_ms=pick([0, 0, 50, 500, 3000]))}),
            ("numeric_attribute", {**numbers, "invert_match": pick([False, True])}),
            ("probabilistic", {"sampling_percentage": pick([0, 0.5, 10, 33.3, 50, 99.9, 100, 150, -3]), "hash_salt": pick(["", "x", "salt"])}),
            ("status_code", {"status_codes": pick([["ERROR"], ["OK"], ["UNSET"], ["OK", "ERROR"]])}),
            ("string_attribute", {"key": pick(KEYS), "values": pick([["alpha"], ["s1", "beta"], ["", "x"], ["/health", "/api/v1"]]), "invert_match": pick([False, True])}),
            ("string_attribute", {"key": pick(KEYS), "values": pick([["^al"], ["a$", "^s[12]$"], ["^$"], [".*"], ["v1|v2"]]), "enabled_regex_matching": True,
                                  "cache_max_size": pick([0, 1, 100]), "invert_match": pick([False, True])}),
            ("boolean_attribute", {"key": pick(KEYS), "value": pick([True, False]), "invert_match": pick([False, True])}),
            ("span_count", {"min_spans": pick([0, 1, 3, 6]), **self.unless_ingest(max_spans=pick([0, 2, 5]))}),
            ("trace_state", {"key": pick(["k", "other", "t@s"]), "values": pick([["v"], ["w", "1"], ["v", ""]])}),
            ("ottl_condition", {**pick([{}, {"error_mode": "ignore"}, {"error_mode": "silent"}, {"error_mode": "propagate"}]),
                                **pick([{"span": self.random.sample(CONDITIONS, 2)}, {"span": [pick(CONDITIONS)]}, {"spanevent": [pick(EVENTS)]},
                                        {"span": [pick(CONDITIONS)], "spanevent": [pick(EVENTS)]}])}),
        ]
        # A bucket that no trace fits into, or all of them: in between it depends on the order and on the clock.
        if not self.ingest:
            rows += [("rate_limiting", {"spans_per_second": pick([0, 10**9])}), ("rate_limiting", {"spans_per_second": 1, "burst_capacity": 10**9}),
                     ("bytes_limiting", {"bytes_per_second": pick([1, 10**12])}), ("bytes_limiting", {"bytes_per_second": 1, "burst_capacity": 10**12})]
        kind, block = pick(rows)
        return {"type": kind, **({kind: block} if block is not None else {})}

    def unless_ingest(self, **settings):
        return {} if self.ingest else settings

    def named(self, policy):
        self.names += 1
        return {"name": "p%d" % self.names, **policy}

    def leaves(self, more=()):
        makers = [self.leaf, self.leaf, self.leaf, *more]
        return [self.named(self.random.choice(makers)()) for _ in range(self.random.randrange(1, 4))]

    def inverse(self):
        return {"type": "not", "not": {"not_sub_policy": self.named(self.leaf())}}

    def all_of(self):
        return {"type": "and", "and": {"and_sub_policy": self.leaves([self.inverse])}}

    def drop(self):
        return {"type": "drop", "drop": {"drop_sub_policy": self.leaves([self.inverse])}}

    def composite(self):
        parts = self.leaves([self.all_of])
        shares = [{"policy": part["name"], "percent": self.random.choice([100, 50, 0])} for part in parts if self.random.random() < 0.8]
        return {"type": "composite", "composite": {"max_total_spans_per_second": self.random.choice([0, 10**9, 10**9]), "policy_order": [part["name"] for part in parts],
                                                   "composite_sub_policy": parts, "rate_allocation": shares}}

    def top(self):
        return self.named(self.random.choice([self.leaf, self.leaf, self.leaf, self.inverse, self.all_of, self.drop, self.composite])())


def processor(seed):
    choose = random.Random(seed)
    ingest = choose.random() < 0.2
    policies = Policies(seed, ingest)
    settings = {"decision_wait": "100s", "num_traces": 10**6, "policies": [policies.top() for _ in range(choose.choice([1, 1, 2, 3, 5]))]}
    if ingest:
        settings["sampling_strategy"] = "span-ingest"
    if choose.random() < 0.2:
        settings["sample_on_first_match"] = True
    if choose.random() < 0.25:
        settings["maximum_trace_size_bytes"] = choose.choice([200, 300, 400, 600, 1000, 2000])
    if choose.random() < 0.2:
        settings["decision_cache"] = {"sampled_cache_size": 10**5, "non_sampled_cache_size": 10**5}
    return settings


def config(processors):
    sections = {
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": "127.0.0.1:@in@"}}}},
        "processors": {"batch": {"timeout": "1s", "send_batch_size": 4000}, **{"tail_sampling/%d" % i: p for i, p in enumerate(processors)}},
        "exporters": {"otlphttp/%d" % i: {"endpoint": "http://127.0.0.1:@sink@/%d" % i, "encoding": "json", "compression": "none"} for i in range(len(processors))},
        "service": {"pipelines": {"traces/%d" % i: {"receivers": ["otlp"], "processors": ["tail_sampling/%d" % i, "batch"], "exporters": ["otlphttp/%d" % i]}
                                  for i in range(len(processors))}}}
    return "".join("%s: %s\n" % (name, json.dumps(section)) for name, section in sections.items()).replace("$", "$$")


def kept(program, text, requests):
    """For each pipeline, how many spans of which trace came out."""
    counts = collections.defaultdict(collections.Counter)

    def note(sink):
        for path, _, body in sink.requests:
            for group in json.loads(body).get("resourceSpans", []):
                for scope in group["scopeSpans"]:
                    counts[int(path.split("/")[1])].update(span["traceId"] for span in scope["spans"])

    sink = Sink()
    places = Places(sink=sink.port)
    try:
        with Collector(program, places.fill(text), args=["--config=yaml:service::telemetry::metrics::level: none"], ready=[places["in"]]) as collector:
            answers = send(places, [("traces", request) for request in requests])
            assert set(answers) == {200}, answers
            assert collector.stop(60) == 0, collector.output()[-2000:]
        note(sink)
    finally:
        sink.close()
    return counts


def seeds():
    first, _, last = os.environ.get("WEIR_TAIL_SEEDS", "1-6").partition("-")
    return range(int(first), int(last or first) + 1)


class TailSampling(Differential):
    def test_random_policies_keep_the_same_traces(self):
        decided = total = 0
        for seed in seeds():
            with self.subTest(seed=seed):
                requests = Traces(seed).requests(TRACES)
                sent = collections.Counter(span["traceId"] for request in requests for group in request["resourceSpans"] for scope in group["scopeSpans"] for span in scope["spans"])
                processors = [processor(1000 * seed + i) for i in range(SETS)]
                text = config(processors)
                reference, ours = kept(otelcol(), text, requests), kept(binary(), text, requests)
                for i, settings in enumerate(processors):
                    wrong = [trace for trace in sent if reference[i][trace] != ours[i][trace]]
                    if wrong:
                        spans = [span for request in requests for group in request["resourceSpans"] for scope in group["scopeSpans"] for span in scope["spans"] if span["traceId"] == wrong[0]]
                        self.fail("%s\nset %d: %d traces differ, such as one of %d spans: %d in the Go collector, %d in weir\n%s" % (
                            json.dumps(settings), i, len(wrong), len(spans), reference[i][wrong[0]], ours[i][wrong[0]], "\n".join(map(json.dumps, spans))))
                    decided += len(sent)
                    total += len(ours[i])
        print("%d decisions alike, %d traces kept" % (decided, total))
        self.assertGreater(total, 0)


if __name__ == "__main__":
    unittest.main()
