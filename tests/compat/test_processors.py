"""Random settings of the processors that drop, change, sample and group, on random telemetry, in both programs.

Many settings share a process: each has a pipeline of its own behind one receiver, and a last processor marks what came
through it."""
import json, random, unittest

from peer import *

PIPELINES = 12
ROUNDS = int(os.environ.get("WEIR_COMPAT_ROUNDS", "4"))


def mark(name):
    """Records which pipeline something came through."""
    return "  resource/%s: {attributes: [{key: pipeline, value: %s, action: upsert}]}\n" % (name, name)


def config_of(signal, chains):
    """`chains`: name of a pipeline -> list of (id, settings)."""
    processors, pipelines = "", ""
    for name, chain in chains.items():
        for id, settings in chain:
            processors += "  %s: %s\n" % (id, json.dumps(settings).replace("$", "$$"))
        processors += mark(name)
        ids = [id for id, _ in chain] + ["resource/" + name]
        pipelines += "    %s/%s: {receivers: [otlp], processors: [%s], exporters: [otlphttp]}\n" % (signal, name, ", ".join(ids))
    return RECEIVER + "processors:\n" + processors + EXPORTER + "service:\n  pipelines:\n" + pipelines


def has_items(record):
    """False for metrics without data points: weir does not send on a batch that has nothing else in it."""
    return "metric.type" not in record or any(path.startswith("point") for path in record)


class Settings:
    """Draws settings that both programs take."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def one_of(self, *choices):
        return self.random.choice(choices)

    def chance(self, share):
        return self.random.random() < share

    def some(self, make, most=3):
        return [make() for _ in range(self.random.randint(1, most))]

    # Conditions.

    def literal(self):
        return self.one_of("nil", "1", "0", "200", "-1.5", "0.1", '"a"', '"shop"', '""', "true", "false", '"GET /cart/{id}"')

    def attributes(self, of):
        return '%sattributes["%s"]' % (of, self.one_of("n", "k.1", "user.id", "http.method", "ü", "nope"))

    PATHS = {"span": ["name", "kind", "status.code", "status.message", "dropped_attributes_count", "parent_span_id", "trace_state", 'trace_state["a"]', "start_time_unix_nano"],
             "spanevent": ["name", "time_unix_nano", "dropped_attributes_count", "event_index"],
             "metric": ["name", "unit", "description", "type", "is_monotonic", "aggregation_temporality"],
             "datapoint": ["value_int", "value_double", "flags", "count", "sum", "time_unix_nano", "scale"],
             "log": ["body", "severity_number", "severity_text", "flags", "event_name", "body.string"],
             "resource": ["dropped_attributes_count", "schema_url"], "scope": ["name", "version", "dropped_attributes_count"]}
    AROUND = {"span": ["scope", "resource"], "spanevent": ["span", "scope", "resource"], "metric": ["scope", "resource"],
              "datapoint": ["metric", "scope", "resource"], "log": ["scope", "resource"], "resource": [], "scope": ["resource"]}

    def path(self, context, prefixed):
        where = context
        if self.chance(0.2) and self.AROUND[context]:
            where = self.one_of(*self.AROUND[context])
        of = where + "." if prefixed or where != context else ""
        has_attributes = where != "metric"
        if has_attributes and self.chance(0.5):
            return self.attributes(of)
        return of + self.one_of(*self.PATHS[where])

    def test(self, context, prefixed):
        path = lambda: self.path(context, prefixed)
        kind = self.random.randrange(8)
        if kind < 4:
            return "%s %s %s" % (path(), self.one_of("==", "!=", "<", "<=", ">", ">="), self.one_of(self.literal(), self.literal(), path()))
        if kind == 4:
            return 'IsMatch(%s, "%s")' % (path(), self.one_of("a", "^s", "[0-9]", "e$", ".*"))
        if kind == 5:
            return "%s(%s)" % (self.one_of("IsString", "IsInt", "IsBool", "IsMap", "IsDouble", "IsList"), path())
        if kind == 6:
            return "Int(%s) %s 5" % (path(), self.one_of("==", "<", ">"))
        return 'ParseJSON(%s)["x"] == 1' % path()  # fails on most

    def condition(self, context, prefixed):
        out = self.test(context, prefixed)
        while self.chance(0.4):
            out = self.one_of("%s and %s", "%s or %s", "not (%s) and %s") % (out, self.test(context, prefixed))
        # The context of the flat spelling is told by its paths.
        return out if not prefixed else "(%s) and %s" % (out, "%s.%s != nil" % (context, {"metric": "name", "datapoint": "time_unix_nano", "log": "flags"}.get(context, "dropped_attributes_count")))

    CONTEXTS = {"traces": ["resource", "span", "spanevent"], "metrics": ["resource", "metric", "datapoint"], "logs": ["resource", "log"]}

    def filter(self, signal):
        contexts = self.CONTEXTS[signal]
        mode = {"error_mode": self.one_of("ignore", "silent")}
        if self.chance(0.4):
            old = {{"log": "log_record"}.get(c, c): self.some(lambda: self.condition(c, False), 2) for c in contexts if self.chance(0.6)}
            return {**mode, signal: old or {contexts[0]: []}}
        key = signal[:-1] + "_conditions"
        contexts = [*contexts, "scope"]
        if self.chance(0.5):
            return {**mode, key: self.some(lambda: self.condition(self.one_of(*contexts), True), 3)}
        block = lambda context: {"context": context, "conditions": self.some(lambda: self.condition(context, False), 2)}
        return {**mode, key: self.some(lambda: block(self.one_of(*contexts)), 3)}

    # Include and exclude.

    def rules(self, kind):
        def rule():
            out = {"key": self.one_of("n", "k.1", "user.id", "service.name", "http.method")}
            if self.chance(0.7):
                out["value"] = self.one_of("^s", "a", "[0-9]") if kind == "regexp" else self.one_of("a", "shop", 1, 0, 200, True, 0.1, "")
            return out
        return self.some(rule, 2)

    def texts(self, kind):
        return self.some(lambda: self.one_of("^s", "a", "[0-9]", "x+$", "^$") if kind == "regexp" else self.one_of("a", "shop", "", "x" * 300, "GET /cart/{id}"), 3)

    def shared_properties(self, signal):
        """include or exclude of the attributes processor and of spans in the filter."""
        kind = self.one_of("strict", "regexp")
        fields = {"traces": ["services", "span_names", "span_kinds", "attributes", "resources", "libraries"],
                  "logs": ["log_bodies", "log_severity_texts", "log_severity_number", "attributes", "resources", "libraries"],
                  "metrics": ["metric_names", "resources"]}[signal]
        out = {"match_type": kind}
        for field in self.random.sample(fields, self.random.randint(1, 2)):
            out[field] = {"attributes": lambda: self.rules(kind), "resources": lambda: self.rules(kind),
                          "libraries": lambda: [{"name": self.one_of("a", "shop"), **({"version": "1.2.3"} if self.chance(0.5) else {})}],
                          "span_kinds": lambda: self.some(lambda: self.one_of("SPAN_KIND_SERVER", "SPAN_KIND_CLIENT", "SPAN_KIND_INTERNAL")),
                          "log_severity_number": lambda: {"min": self.random.randrange(1, 25), "match_undefined": self.chance(0.5)}}.get(field, lambda: self.texts(kind))()
        return out

    def log_properties(self):
        kind = self.one_of("strict", "regexp")
        out = {"match_type": kind}
        for field in self.random.sample(["resource_attributes", "record_attributes", "severity_texts", "bodies", "severity_number"], 2):
            out[field] = {"resource_attributes": lambda: self.rules(kind), "record_attributes": lambda: self.rules(kind),
                          "severity_number": lambda: {"min": self.one_of("INFO", "warn", "ERROR2", "5"), "match_undefined": self.chance(0.5)}}.get(field, lambda: self.texts(kind))()
        return out

    def metric_properties(self):
        if self.chance(0.3):
            expressions = ['MetricName == "a"', 'HasLabel("n")', 'Label("user.id") == "a" or MetricType == "Sum"', 'MetricName matches "^s" && !HasLabel("k.1")',
                           'MetricType in ["Gauge", "Summary"]', 'not (MetricName contains "a")', 'len(MetricName) > 5']
            return {"match_type": "expr", "expressions": self.some(lambda: self.one_of(*expressions), 2)}
        kind = self.one_of("strict", "regexp")
        out = {"match_type": kind}
        if self.chance(0.7):
            out["metric_names"] = self.texts(kind)
        if self.chance(0.4):
            out["resource_attributes"] = self.rules(kind)
        return out

    def old_filter(self, signal):
        make = {"traces": lambda: self.shared_properties("traces"), "logs": self.log_properties, "metrics": self.metric_properties}[signal]
        out = {way: make() for way in ("include", "exclude") if self.chance(0.6)}
        return {{"traces": "spans"}.get(signal, signal): out or {"include": make()}}

    # Actions.

    def action(self):
        key = self.one_of(*KEYS, "service.name", "nope")
        verb = self.one_of("insert", "update", "upsert", "upsert", "delete", "hash", "extract", "convert")
        out = {"key": key, "action": verb}
        if verb in ("insert", "update", "upsert"):
            out.update(self.one_of({"value": self.one_of(1, -2.5, "text", True, [1, "a"], "")}, {"from_attribute": self.one_of(*KEYS)},
                                   {"from_attribute": "nope", "default_value": self.one_of(5, "default")}))
        if verb in ("delete", "hash") and self.chance(0.5):
            out["pattern"] = self.one_of("^k", "\\.", "n$")
            if self.chance(0.5):
                del out["key"]
        if verb == "extract":
            out["pattern"] = self.one_of("(?P<first>[a-z]+)", "^(?P<a>.)(?P<rest>.*)$", "(?P<number>[0-9]+)?(?P<word>[A-Z]+)")
        if verb == "convert":
            out["converted_type"] = self.one_of("int", "double", "string")
        return out

    def attributes_processor(self, signal):
        out = {"actions": self.some(self.action, 4)}
        for way in ("include", "exclude"):
            if self.chance(0.4):
                out[way] = self.shared_properties(signal)
        return out

    def resource_processor(self):
        return {"attributes": self.some(self.action, 4)}

    # Names, masks, groups.

    def span_processor(self):
        out = {way: self.shared_properties("traces") for way in ("include", "exclude") if self.chance(0.3)}
        name = {}
        if self.chance(0.6):
            name.update(from_attributes=self.some(lambda: self.one_of(*KEYS)), separator=self.one_of("", "::", "/"))
        if self.chance(0.6) or not name:
            rules = self.some(lambda: self.one_of("(?P<first>[a-z]+)", "^(?P<verb>[A-Z]+) (?P<rest>.*)$", "/(?P<place>[a-z]+)/", "^(?P<all>.*)$", "(?P<n>s)h(?P<o>o)p", "a"))
            name["to_attributes"] = {"rules": rules, "break_after_match": self.chance(0.3), "keep_original_name": self.chance(0.3)}
        out["name"] = name
        if self.chance(0.4):
            out["status"] = self.one_of({"code": "Ok"}, {"code": "Error", "description": "bad"}, {"code": "Unset"})
        return out

    def redaction(self):
        patterns = lambda: self.some(lambda: self.one_of("^s", "a", "[0-9]+", "x{3}", "GET|POST", "shop", "^$", ".*"), 2)
        out = {"allow_all_keys": self.chance(0.7), "redact_all_types": self.chance(0.4), "summary": self.one_of("debug", "info", "silent")}
        for field, chance in (("allowed_keys", 0.5), ("ignored_keys", 0.2)):
            if self.chance(chance):
                out[field] = [*self.some(lambda: self.one_of(*KEYS, "service.name"), 4), "pipeline"]
        for field, chance in (("blocked_key_patterns", 0.4), ("ignored_key_patterns", 0.2), ("blocked_values", 0.7), ("allowed_values", 0.3)):
            if self.chance(chance):
                out[field] = self.some(lambda: self.one_of("^k", "user", "n$", "http"), 2) if "key" in field else patterns()
        if self.chance(0.5):
            out["hash_function"] = self.one_of("sha1", "sha3", "md5", "hmac-sha256", "hmac-sha512")
            if out["hash_function"].startswith("hmac"):
                out["hmac_key"] = "0123456789abcdef" * 4
        return out

    def groupbyattrs(self):
        return {"keys": self.random.sample([*KEYS, "nope"], self.random.randint(0, 3))}

    # Sampling.

    def sampler(self, signal):
        out = {"sampling_percentage": self.one_of(0, 0.01, 1, 12.5, 33.3, 50, 75, 99.9, 100, 150), "fail_closed": self.chance(0.5)}
        if self.chance(0.8):
            out["mode"] = self.one_of("hash_seed", "equalizing", "proportional")
        if self.chance(0.4):
            out["hash_seed"] = self.random.randrange(2**32)
        if self.chance(0.4):
            out["sampling_precision"] = self.random.randrange(1, 15)
        if signal == "logs":
            if self.chance(0.5):
                out.update({"attribute_source": self.one_of("record", "traceID"), "from_attribute": self.one_of("n", "user.id", "k.1")})
            if self.chance(0.5):
                out["sampling_priority"] = self.one_of("n", "k.2")
        return out


class SampledTelemetry(Telemetry):
    """With what samplers look at: tracestates of every sort, priorities, records without a trace."""

    def threshold(self):
        return self.random.choice(["8", "c", "e666", "0", "ffffffffffffff", "12345", "zz", "", "C"])

    def state(self):
        rv = "rv:%014x" % self.random.getrandbits(56)
        th = "th:" + self.threshold()
        return self.random.choice(["", "", "a=1", "a=1,b=2", "ot=" + th, "ot=" + rv, "ot=%s;%s" % (rv, th), "ot=%s;%s;x:y" % (th, rv), " a=1 , ot=%s,t@s=5" % th,
                                   "ot=" + th + ";", "broken", "A=1", "a=" + "x" * 300, "ot=rv:1", ",".join("k%d=v" % i for i in range(40)), "ot=a:b,ot=" + th])

    def span(self):
        out = super().span()
        out["traceState"] = self.state()
        if self.chance(0.15):
            out["traceId"] = ""
        if self.chance(0.3):
            value = self.random.choice([{"intValue": "0"}, {"intValue": "1"}, {"doubleValue": 0.5}, {"stringValue": "1"}, {"stringValue": "no"}, {"boolValue": True}, {"intValue": "-1"}])
            out.setdefault("attributes", []).append({"key": "sampling.priority", "value": value})
        return out

    def log(self):
        out = super().log()
        extra = out.setdefault("attributes", [])
        if self.chance(0.3):
            extra.append({"key": "sampling.threshold", "value": {"stringValue": self.threshold()}})
        if self.chance(0.3):
            extra.append({"key": "sampling.randomness", "value": self.random.choice([{"stringValue": "%014x" % self.random.getrandbits(56)}, {"stringValue": "12"}, {"intValue": "5"}])})
        for pair in extra:
            if pair["key"] == "k.2" and self.chance(0.7):
                pair["value"] = self.random.choice([{"intValue": "50"}, {"doubleValue": 10.0}, {"intValue": "500"}, {"intValue": "0"}])
        return out


class PlainTelemetry(Telemetry):
    """Without schema URLs, which groupbyattrs keeps here and loses there."""

    def request(self, signal, items):
        out = super().request(signal, items)
        for group in next(iter(out.values())):
            for part in [group, *next(groups for key, groups in group.items() if key.startswith("scope"))]:
                part.pop("schemaUrl", None)
        return out


class Random(Differential):
    def rounds(self, signals, make, telemetry=Telemetry, items=60):
        """Random settings, each in a pipeline of its own; differences are told for the first pipeline that has one."""
        for signal in signals:
            for round in range(ROUNDS):
                settings = Settings("%s %s %d" % (self.id(), signal, round))
                chains = {"p%d" % i: make(settings, signal, "p%d" % i) for i in range(PIPELINES)}
                sent = [(signal, telemetry(1000 * round + seed).request(signal, items)) for seed in range(3)]
                with self.subTest(signal=signal, round=round):
                    self.compare(signal, chains, sent)

    def compare(self, signal, chains, sent):
        reference, ours = self.both(config_of(signal, chains), sent)
        self.assertEqual(reference.answers, ours.answers)
        for name, chain in chains.items():
            keep = lambda record: record.get("resource.attributes[pipeline]") == repr(name) and has_items(record)
            found = difference(reference.records(keep=keep), ours.records(keep=keep))
            if found:
                self.fail("%s\n%s" % (json.dumps(chain, ensure_ascii=False), found))

    def test_filter_conditions(self):
        self.rounds(SIGNALS, lambda s, signal, name: [("filter/" + name, s.filter(signal))])

    def test_filter_include_and_exclude(self):
        self.rounds(SIGNALS, lambda s, signal, name: [("filter/" + name, s.old_filter(signal))])

    def test_attributes(self):
        self.rounds(SIGNALS, lambda s, signal, name: [("attributes/" + name, s.attributes_processor(signal))])

    def test_resource(self):
        self.rounds(SIGNALS, lambda s, signal, name: [("resource/x" + name, s.resource_processor())])

    def test_span(self):
        self.rounds(("traces",), lambda s, signal, name: [("span/" + name, s.span_processor())])

    def test_redaction(self):
        self.rounds(SIGNALS, lambda s, signal, name: [("redaction/" + name, s.redaction())])

    def test_groupbyattrs(self):
        self.rounds(SIGNALS, lambda s, signal, name: [("groupbyattrs/" + name, s.groupbyattrs())], PlainTelemetry)

    def test_sampler(self):
        self.rounds(("traces", "logs"), lambda s, signal, name: [("probabilistic_sampler/" + name, s.sampler(signal))], SampledTelemetry, 200)

    def test_two_samplers(self):
        self.rounds(("traces", "logs"), lambda s, signal, name: [("probabilistic_sampler/%s%d" % (name, i), s.sampler(signal)) for i in range(2)], SampledTelemetry, 200)

    def test_chains(self):
        def make(s, signal, name):
            steps = [("filter/", s.filter), ("attributes/", s.attributes_processor), ("resource/x", lambda _: s.resource_processor())]
            if signal != "metrics":
                steps.append(("probabilistic_sampler/", lambda of: {**s.sampler(of), "sampling_percentage": 60}))
            s.random.shuffle(steps)
            return [(prefix + name, draw(signal)) for prefix, draw in steps]
        self.rounds(SIGNALS, make)


class Fixed(Differential):
    def test_errors_that_propagate_refuse_the_batch(self):
        for conditions in ({"trace_conditions": ['ParseJSON(span.name)["x"] == 1']}, {"traces": {"span": ['ParseJSON(name)["x"] == 1']}}):
            config = template("traces", "  filter: %s" % json.dumps({"error_mode": "propagate", **conditions}), ["filter"])
            reference = self.same(config, [("traces", Telemetry(1).traces())], answers=False)
            self.assertEqual(reference.requests, [])

    def test_groupbytrace(self):
        config = template("traces", "  groupbytrace: {wait_duration: 500ms}", ["groupbytrace"])
        sent = [("traces", Telemetry(seed).traces(50)) for seed in range(3)]
        # Half of each request's traces come again in the next one.
        for (_, earlier), (_, later) in zip(sent, sent[1:]):
            later["resourceSpans"] += earlier["resourceSpans"][:1]
        spans = sum(len(records([request])) for _, request in sent)
        self.same(config, sent, until=lambda sink: len(records(sink.json())) >= spans)

    def test_settings_to_refuse(self):
        rows = [("filter", {"error_mode": "weird"}), ("filter", {"traces": {"span": ["nosuch == 1"]}}), ("filter", {"trace_conditions": ["true"]}),
                ("filter", {"trace_conditions": ["span.name == 1", {"conditions": ["span.name == 1"]}]}),
                ("filter", {"trace_conditions": [{"context": "log", "conditions": ["true"]}]}),
                ("filter", {"traces": {"span": ["true"]}, "spans": {"include": {"match_type": "strict", "services": ["a"]}}}),
                ("filter", {"spans": {"include": {"match_type": "strict"}}}), ("filter", {"spans": {"include": {"match_type": "strict", "log_bodies": ["a"]}}}),
                ("filter", {"trace_conditions": ["span.name == 1"], "traces": {"span": []}}),
                ("probabilistic_sampler", {"sampling_percentage": -1}), ("probabilistic_sampler", {"mode": "dice"}), ("probabilistic_sampler", {"sampling_precision": 0}),
                ("probabilistic_sampler", {"sampling_precision": 15}), ("probabilistic_sampler", {"attribute_source": "x"}), ("probabilistic_sampler", {"sampling_percentage": 1e-20}),
                ("groupbytrace", {"store_on_disk": True}), ("groupbytrace", {"discard_orphans": True}), ("attributes", {"actions": []}),
                ("attributes", {"actions": [{"key": "a", "action": "hash", "value": 1}]}), ("attributes", {"actions": [{"action": "insert", "value": 1}]}),
                ("resource", {"attributes": [{"key": "a", "action": "convert"}]})]
        for type, settings in rows:
            with self.subTest(type=type, settings=settings):
                config = template("traces", "  %s: %s" % (type, json.dumps(settings)), [type])
                for program in (otelcol(), binary()):
                    with self.assertRaises(Exception, msg=program):
                        run(program, config, [], seconds=5)


if __name__ == "__main__":
    unittest.main()
