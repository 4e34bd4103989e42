"""Random statements of the transformation language over random telemetry give the same from both programs.

Each statement stores an expression, under a condition, in an attribute of its own; what fails stores nothing, in both. Then editors
change the attributes. WEIR_OTTL_SEEDS=FIRST:END chooses other seeds than the ones of `./test --all`.
"""
import json, os, random, unittest

from peer import *

SIGNAL_OF = {"span": "traces", "spanevent": "traces", "log": "logs", "datapoint": "metrics", "metric": "metrics", "resource": "traces", "scope": "logs"}
PATHS = {
    "span": ["name", "kind", "kind.string", "status.code", "status.message", "start_time", "end_time_unix_nano", "trace_id.string", "span_id.string", "trace_id",
             "parent_span_id.string", "trace_state", 'trace_state["a"]', "dropped_attributes_count", "flags", "attributes"],
    "spanevent": ["name", "time_unix_nano", "time", "attributes", "dropped_attributes_count", "event_index"],
    "log": ["body", "body.string", "severity_number", "severity_text", "time_unix_nano", "observed_time", "trace_id.string", "flags", "attributes", "event_name"],
    "datapoint": ["value_int", "value_double", "count", "sum", "start_time_unix_nano", "time", "flags", "attributes", "bucket_counts", "explicit_bounds", "scale",
                  "zero_count", "positive.offset", "negative.bucket_counts"],
    "metric": ["name", "description", "unit", "type", "aggregation_temporality", "is_monotonic", "metadata"],
    "resource": ["attributes", "dropped_attributes_count", "schema_url"],
    "scope": ["name", "version", "attributes", "schema_url"],
}
TEXTS = ["", "a", "GET /cart/7?x=1&y=2", "Hello World", "été", "snake_case_name", "CamelCase", "a=1 b=2 c=\"x y\"", "1,2,3", '{"a": [1, 2.5, null], "b": {"c": "d"}}',
         "10.1.2.3", "2024-02-29T12:30:45Z", "-17", "3.25", "true", "4111 1111 1111 1111", "aGVsbG8=", "http://u:p@example.com:8080/a/b.html?q=1#f", "<a x=\"1\"><b>t</b></a>"]
PATTERNS = ["a", "^.*$", "[0-9]+", "(?P<word>[a-z]+)", "(?i)HELLO", "[^a-z]", "$", "b|c"]
# Maps of several keys that were parsed have a random order in the Go collector, and it empties a map that is merged into itself.
UNORDERED = re.compile(r'(Values|Keys)\((Parse\w+\(("[{]|"a=1|[^"])|[\w.]+\["o\d+"\])')
# It panics where two lists of the type that Split gives, or of the type of a path, are compared.
PANICS = re.compile(r'(Split\(.*"\)+|counts|bounds) [=!]= (Sort\()?(Split\(|\S*counts|\S*bounds)')
SELF_MERGE = re.compile(r'merge_maps\((\S+), \1, "upsert"')
STORED = 40  # statements that store an expression
ENUMS = {"span": ["SPAN_KIND_SERVER", "STATUS_CODE_ERROR"], "log": ["SEVERITY_NUMBER_WARN"], "metric": ["METRIC_DATA_TYPE_SUM"], "datapoint": ["FLAG_NONE"]}


class Statements:
    def __init__(self, seed, context):
        self.random, self.context = random.Random("%d %s" % (seed, context)), context
        self.store = "%s.%s" % (context, "metadata" if context == "metric" else "attributes")

    def pick(self, *choices):
        choice = self.random.choice(choices)
        return choice() if callable(choice) else choice

    def quoted(self, text):
        return json.dumps(text, ensure_ascii=False)

    # Values by type. Literals have the type that is asked for, since another one would be refused; paths may hold anything.

    def attribute(self):
        return '%s["%s"]' % (self.store, self.random.choice(KEYS + ["o%d" % self.random.randrange(6)]))

    def path(self):
        return self.pick(self.attribute, self.attribute, lambda: "%s.%s" % (self.context, self.random.choice(PATHS[self.context])), 'resource.attributes["service.name"]')

    def text(self, depth=1):
        literal = lambda: self.quoted(self.random.choice(TEXTS))
        return self.pick(literal, literal, self.path, lambda: "String(%s)" % self.path(), lambda: self.text_call(depth - 1) if depth > 0 else literal())

    def integer(self, depth=1):
        return self.pick("0", "1", "-3", "42", "9223372036854775807", self.path, lambda: "Int(%s)" % self.path(), lambda: "Len(%s)" % self.text(depth - 1) if depth > 0 else "7")

    def number(self, depth=1):
        return self.pick(lambda: self.integer(depth - 1), "0.5", "-1.5e3", "2.0", lambda: "Double(%s)" % self.path(),
                         lambda: "%s %s %s" % (self.number(depth - 1), self.pick("+", "-", "*", "/"), self.number(depth - 1)) if depth > 0 else "3")

    def list(self, depth=1):
        return self.pick(self.path, lambda: "[%s]" % ", ".join(self.any(depth - 1) for _ in range(self.random.randrange(4))), lambda: 'Split(%s, ",")' % self.text(),
                         lambda: "Values(%s)" % self.map(0), lambda: "Keys(%s)" % self.map(0))

    def map(self, depth=1):
        return self.pick(self.path, self.store, lambda: 'ParseJSON(%s)' % self.text(), lambda: "{%s}" % ", ".join('"%s": %s' % (key, self.any(depth - 1)) for key in self.random.sample("abcd", self.random.randrange(2))),
                         lambda: "ParseKeyValue(%s)" % self.text())

    def any(self, depth=2):
        if depth <= 0:
            return self.pick(self.path, lambda: self.quoted(self.random.choice(TEXTS)), "1", "2.5", "true", "nil", lambda: self.pick(*ENUMS.get(self.context, ["1"])))
        return self.pick(self.path, lambda: self.number(depth - 1), lambda: self.text_call(depth - 1), lambda: self.other_call(depth - 1), lambda: self.list(depth - 1), lambda: self.map(depth - 1))

    def text_call(self, depth):
        t = lambda: self.text(depth)
        return self.pick(
            lambda: "Concat([%s, %s], %s)" % (self.any(depth - 1), self.path(), self.quoted("-")), lambda: "ConvertCase(%s, \"%s\")" % (t(), self.pick("lower", "upper", "snake", "camel")),
            lambda: "ToSnakeCase(%s)" % t(), lambda: "ToCamelCase(%s)" % t(), lambda: "Substring(%s, %s, %s)" % (t(), self.pick("0", "1", "3"), self.pick("0", "2", "5")),
            lambda: "Trim(%s, \"a \")" % t(), lambda: "TrimPrefix(%s, %s)" % (t(), t()), lambda: "SHA1(%s)" % t(), lambda: "SHA256(%s)" % t(), lambda: "MD5(%s)" % t(),
            lambda: "Murmur3Hash(%s)" % t(), lambda: "Murmur3Hash128(%s)" % t(), lambda: "XXH3(%s)" % t(), lambda: "Hex(%s)" % self.path(), lambda: "Base64Encode(%s)" % t(),
            lambda: "Decode(%s, \"base64\")" % t(), lambda: "ToKeyValueString(%s, \"=\", \" \", true)" % self.map(0), lambda: "String(%s)" % self.any(depth - 1),
            lambda: "Format(\"%%v %%5d %%x %%q\", [%s, %s, %s, %s])" % tuple(self.plain() for _ in range(4)), lambda: "GetXML(%s, \"//b\")" % t(),
            lambda: "FormatTime(%s, \"%%Y-%%m-%%d %%H:%%M:%%S\")" % self.time())

    # Of a map or a list Format gives the address it has in the Go collector.
    def plain(self):
        return self.pick(*("%s(%s)" % (function, self.path()) for function in ("String", "Int", "Double", "Bool")), "1", "true", "nil", '"a"', "0xb6c3a9")

    def time(self):
        return self.pick(self.path, lambda: "Time(%s, \"%%Y-%%m-%%dT%%H:%%M:%%SZ\")" % self.text(), lambda: "Unix(%s)" % self.integer())

    def other_call(self, depth):
        t, n, a = lambda: self.text(depth), lambda: self.integer(depth), lambda: self.any(depth - 1)
        return self.pick(
            lambda: "Split(%s, %s)" % (t(), self.quoted(self.pick(",", "a", " "))), lambda: "Len(%s)" % self.pick(self.path, t), lambda: "Int(%s)" % self.path(), lambda: "Double(%s)" % self.path(),
            lambda: "Bool(%s)" % self.path(), lambda: "FNV(%s)" % t(), lambda: "Index(%s, %s)" % (t(), t()), lambda: "Sort(%s)" % self.list(0), lambda: "Coalesce([%s, %s, 5])" % (self.path(), self.path()),
            lambda: "ContainsValue(%s, %s)" % (self.list(0), a()), lambda: "ParseInt(%s, %s)" % (t(), self.pick("10", "16", "2")), lambda: "ParseJSON(%s)" % t(), lambda: "ParseXML(%s)" % t(),
            lambda: "ParseCSV(%s, \"a,b,c\")" % t(), lambda: "ExtractPatterns(%s, \"(?P<first>[a-z]+)(?P<rest>.*)\")" % t(), lambda: "URL(%s)" % t(), lambda: "IsValidLuhn(%s)" % t(),
            lambda: "ExtractGrokPatterns(%s, \"%%{WORD:w} %%{GREEDYDATA:g}\", true)" % t(), lambda: "%s(%s)" % (self.pick("Year", "Month", "Day", "Hour", "Weekday", "Nanosecond"), self.time()),
            lambda: "%s(%s)" % (self.pick("UnixSeconds", "UnixMilli", "UnixNano"), self.time()), lambda: "Log(%s)" % self.path(), lambda: "HasPrefix(%s, %s)" % (t(), t()),
            lambda: "%s(%s)" % (self.pick("IsString", "IsInt", "IsDouble", "IsMap", "IsList", "IsBool"), self.path()), lambda: "IsMatch(%s, %s)" % (self.path(), self.quoted(self.pick(*PATTERNS))),
            lambda: "IsInCIDR(%s, [\"10.0.0.0/8\"])" % t(), lambda: "%s(Duration(\"1h30m15.5s\"))" % self.pick("Hours", "Minutes", "Seconds", "Milliseconds"))

    def condition(self, depth=1):
        comparison = lambda: "%s %s %s" % (self.any(1), self.pick("==", "!=", "<", "<=", ">", ">="), self.any(1))
        if depth <= 0:
            return comparison()
        return self.pick(comparison, comparison, lambda: "IsMatch(%s, %s)" % (self.path(), self.quoted(self.pick(*PATTERNS))),
                         lambda: "not (%s)" % self.condition(depth - 1), lambda: "(%s) %s %s" % (self.condition(depth - 1), self.pick("and", "or"), self.condition(depth - 1)))

    def editor(self):
        m, key, pattern = self.store, self.quoted(self.pick(*KEYS)), self.quoted(self.pick(*PATTERNS))
        return self.pick(
            "delete_key(%s, %s)" % (m, key), "delete_matching_keys(%s, \"^k[.][12]$\")" % m, "keep_matching_keys(%s, \"^[a-zü]\")" % m, "limit(%s, 12, [%s])" % (m, key),
            lambda: "truncate_all(%s, %s)" % (m, self.pick("0", "3", "10")), lambda: "replace_all_patterns(%s, \"%s\", %s, \"<$$1$$0>\")" % (m, self.pick("key", "value"), pattern),
            lambda: "replace_all_matches(%s, \"*a*\", \"replaced\")" % m, lambda: "replace_pattern(%s, %s, \"[$$0]\")" % (self.attribute(), pattern),
            lambda: "merge_maps(%s, %s, \"%s\")" % (m, self.map(), self.pick("insert", "update", "upsert")), lambda: "append(%s, %s)" % (self.attribute(), self.pick("1", "\"x\"", self.path)),
            lambda: "flatten(%s, \"f\")" % m, lambda: "set(%s[%s][%s], %s)" % (m, key, self.pick('"in"', "0"), self.any(1)), lambda: "stringify_all(%s)" % m)

    def stored(self, i):
        conditional = self.random.random() < 0.4
        value = self.any()
        where = " where %s" % self.condition() if conditional else ""
        refused = UNORDERED.search(value + where) or PANICS.search(where)
        return 'set(%s["o%d"], %s)%s' % (self.store, i, *(("nil", "") if refused else (value, where)))

    # Without those that tell the order of the map once it has parsed maps' entries.
    def editors(self, count):
        out, ordered = [], True
        for editor in [self.editor() for _ in range(count)]:
            if UNORDERED.search(editor) or SELF_MERGE.match(editor) or not ordered and re.search(r"limit\(|Values\(|Keys\(", editor):
                continue
            out.append(editor)
            ordered &= not editor.startswith(("flatten(", "merge_maps("))
        return out

    def all(self, count):
        return [self.stored(i) for i in range(count)] + self.editors(4)


def seeds():
    first, _, end = os.environ.get("WEIR_OTTL_SEEDS", "0:6").partition(":")
    return range(int(first), int(end))


# What differs on purpose is listed in src/ottl/README.md.
class Ottl(Differential):
    def _compare(self, context, seed):
        signal = SIGNAL_OF[context]
        statements = Statements(seed, context).all(STORED)
        text = "  transform:\n    error_mode: silent\n    %s_statements:\n%s" % (
            {"traces": "trace", "logs": "log", "metrics": "metric"}[signal],
            "".join("      - %s\n" % json.dumps(statement, ensure_ascii=False) for statement in statements))
        text_of = json.dumps(Telemetry(seed, special=False, depth=2).request(signal, 25))
        # Of empty bytes the Go collector makes null or "" in JSON, depending on how they came.
        request = json.loads(text_of.replace('{"bytesValue": ""}', '{"bytesValue": "AAEC"}'))
        try:
            self.same(template(signal, text, ["transform"]), [(signal, request)])
        except AssertionError as e:
            fields = set(re.findall(r"\[(o\d+)\]", str(e)))  # the statements that are to blame
            blamed = [statement for i, statement in enumerate(statements) if not fields or "o%d" % i in fields or i >= STORED]
            raise AssertionError("%s\n%s" % ("\n".join(blamed), e)) from None

    def test_random_statements(self):
        for seed in seeds():
            for context in PATHS:
                with self.subTest(context=context, seed=seed):
                    self._compare(context, seed)

    def test_user_agents(self):
        with open(os.path.join(HERE, "user_agents.txt"), encoding="utf-8") as f:
            bodies = [{"body": {"stringValue": line.rstrip("\n")}} for line in f]
        text = "  transform: {log_statements: ['set(log.attributes, UserAgent(log.body))']}"
        self.same(template("logs", text, ["transform"]), [("logs", {"resourceLogs": [{"scopeLogs": [{"logRecords": bodies}]}]})])


if __name__ == "__main__":
    unittest.main()
