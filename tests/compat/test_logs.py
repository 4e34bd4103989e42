"""Random lines through random chains of operators: the same records from both programs.

Each process has many `filelog` receivers, each with its own chain, that read the same file. WEIR_LOG_SEEDS=FIRST:END chooses other seeds
than those of `./test --all`; a seed is CHAINS * LINES records before some are filtered.
"""
import json, os, random, unittest

from peer import *

CHAINS, LINES = 25, 800
LAST = "the last line"


class Lines:
    """Lines of every format that a parser is for, most of them well formed."""

    def __init__(self, seed):
        self.random = random.Random("lines %s" % seed)

    def one_of(self, *choices):
        return self.random.choice(choices)

    def word(self, alphabet='abcé "\\{}:=,. 0129-_', most=12):
        return "".join(self.random.choice(alphabet) for _ in range(self.random.randrange(most)))

    def number(self):
        return self.one_of("1", "0", "-7", "1e3", "-0", "1.50", "12345678901234567890", "0.000001", "1000000", "123456789.25", "9007199254740993", "1E-7", "01")

    def value(self, depth=0):
        kind = self.random.randrange(8 if depth < 3 else 5)
        if kind == 0:
            return self.number()
        if kind in (1, 2, 3):
            return json.dumps(self.word(), ensure_ascii=self.random.random() < 0.5)
        if kind == 4:
            return self.one_of("true", "false", "null")
        if kind == 5:
            return "[%s]" % ", ".join(self.value(depth + 1) for _ in range(self.random.randrange(3)))
        return self.object(depth + 1)

    def object(self, depth=0):
        names = ["a", "b", "level", "n", "msg", "time", "x.y", "é", ""]
        return "{%s}" % ", ".join("%s: %s" % (json.dumps(self.random.choice(names)), self.value(depth)) for _ in range(self.random.randrange(5)))

    def time(self):
        return "2024-0%d-%02dT%02d:%02d:%02d.%03dZ" % (self.random.randrange(1, 10), self.random.randrange(1, 29), self.random.randrange(24), self.random.randrange(60),
                                                    self.random.randrange(62), self.random.randrange(1000))

    def line(self):
        kind = self.random.randrange(14)
        if kind == 0:
            return self.object()
        if kind in (1, 2):
            return '{"level":"%s","time":"%s","n":%s,"msg":"%s","trace":"%s"}' % (
                self.one_of("info", "ERROR", "warn", "x", "", "9", "4xx"), self.time(), self.number(), self.word("ab \u00e9<&", 9),
                self.one_of("0123456789abcdef0123456789abcdef", "zz", "", "00"))
        if kind == 3:
            return self.one_of(" ", ", ", ";").join("%s%s%s" % (self.one_of("a", "b", "level", ""), self.one_of("=", "=", ":"), self.one_of("1", '"x y"', "'q'", "", self.word()))
                                                    for _ in range(self.random.randrange(5)))
        if kind == 4:
            return self.one_of(",", ",", ";").join(self.one_of("a", '"b,c"', "", 'd"e', '"x""y"', self.word()) for _ in range(self.one_of(3, 3, 3, 2, 4)))
        if kind == 5:
            return "%s%s%s%s%s" % (self.one_of("http://", "https://u:p@", "http://u@", "//", "", "mailto:", "ftp://[::1]"), self.one_of("h", "example.com:80", "é.com", "", "h:x"),
                                   self.one_of("/p", "/p/%20x", "/é b", "/%zz", "", "/a[b]", "/~a!'()*"), self.one_of("", "?x=1&y=2", "?x=%41+b&x=", "?;", "?x=%zz", "?é=ü&=1"), self.one_of("", "", "#f"))
        if kind == 6:
            return "<%d>%s %2d %02d:%02d:%02d %s %s: %s" % (self.random.randrange(200), self.one_of("Oct", "Jan", "Feb"), self.random.randrange(1, 31), self.random.randrange(24),
                                                         self.random.randrange(60), self.random.randrange(60), self.one_of("host", "10.0.0.1"), self.one_of("app[12]", "app", "a-b[x]"), self.word() + "x")
        if kind in (7, 8):
            return "<%d>1 %s %s app %s %s %s %s" % (self.random.randrange(200), self.one_of(self.time(), "-", "2024-01-02T03:04:05+02:00"), self.one_of("h", "-"), self.one_of("1", "-"),
                                                    self.one_of("ID1", "-"), self.one_of("-", '[a@1 b="c" d="e\\"f"]', '[a b="1"][c d=""]', "[a"), self.word())
        if kind in (9, 10):
            # Of one stream: the Go collector joins parts of stdout and stderr, weir those of one of them.
            time = self.one_of("2024-05-01T08:00:00.%09dZ", "2024-05-01T08:00:00.%dZ", "2024-05-01T08:00:00.%06d+02:00") % self.random.randrange(10**6)
            stream = self.one_of("stdout", "stdout", "stdout", "std")
            return "\n".join("%s %s %s %s" % (time, stream, tag, self.word()) for tag in self.one_of("F", "F", "F", "PF", "PPF"))
        if kind == 11:
            return '{"log":"%s\\n","stream":"%s","time":"%s"}' % (self.word("ab é", 9), self.one_of("stdout", "stderr"), self.time())
        if kind == 12:
            return self.one_of("1714550400", "1714550400.123", "1714550400123", "1714550400.123456789", "17145x", "[1, \"a\", null, {\"b\": 2}]", '["x"]', '"quo\\ted \\u00e9"', "`raw`", "'c'")
        return self.word() or "z"

    def text(self):
        lines = [self.line() for _ in range(LINES)]
        return "".join(line + "\n" for line in lines + [LAST])


class Chains:
    """Draws chains of operators that both programs take."""

    def __init__(self, seed):
        self.random = random.Random("chains %s" % seed)

    def one_of(self, *choices):
        return self.random.choice(choices)

    def field(self):
        return self.one_of("body", "body", "body.a", "attributes.a", "attributes.level", "attributes.msg", 'attributes["x.y"]', "attributes.deep.b", "resource.r", "attributes.n", "attributes.copy")

    def expression(self):
        return self.one_of('len(string(body))', 'string(attributes)', 'attributes.level ?? "none"', 'attributes.n == nil ? "no" : string(attributes.n)', 'string(body) + "!"', '"a" in attributes',
                           'upper(string(attributes.msg))', 'attributes.a', 'string(attributes.deep)', '1 + 2.5', 'keys(attributes) | len()', 'split(string(body), " ")[0]', 'int("7")', 'type(body)',
                           'trim(string(attributes.copy))', 'string(1e6) + string(2.5)', 'attributes.n', 'float(1)', 'body')

    def condition(self):
        return self.one_of('type(body) == "string" and body matches "^[a-z]"', 'attributes.level == "info"', '"a" in attributes', 'attributes.n != nil', 'string(body) contains "a"',
                           'not (string(body) startsWith "{")', 'len(string(body)) > 20', 'attributes["x.y"] == 1', 'attributes.a in ["1", 1, true]', 'body startsWith "<"')

    def blocks(self):
        out = {}
        if self.random.random() < 0.3:
            out["severity"] = {"parse_from": self.one_of("attributes.level", "body.level"), **self.one_of({}, {"overwrite_text": True}, {"preset": "none", "mapping": {"error": ["x", "4xx"], "info": "info"}})}
        if self.random.random() < 0.3:
            out["timestamp"] = {"parse_from": self.one_of("attributes.time", "body.time"), "layout": "%Y-%m-%dT%H:%M:%S.%LZ"}
        return out

    def parser(self):
        kind = self.random.randrange(11)
        if kind < 3:
            return {"type": "json_parser", **self.one_of({}, {"parse_ints": True}), **self.blocks()}
        if kind == 3:
            return {"type": "key_value_parser", **self.one_of({}, {"delimiter": ":"}, {"pair_delimiter": ", "}, {"pair_delimiter": ";"})}
        if kind == 4:
            return {"type": "csv_parser", "header": self.one_of("x,y,z", "a,b,c"), **self.one_of({}, {"lazy_quotes": True}, {"ignore_quotes": True}, {"delimiter": ";", "header_delimiter": ","})}
        if kind == 5:
            return {"type": "uri_parser"}
        if kind in (6, 7):
            return {"type": "regex_parser", "regex": self.one_of("^(?P<a>[^ ]+) (?P<msg>.*)$", "(?P<n>\\d+)(?P<deep>\\.\\d+)?", "^(?P<level>\\w*)", "(?P<a>a)|(?P<b>b)", "^<(?P<n>\\d{1,3})>(?P<msg>.*)"), **self.blocks()}
        if kind == 8:
            return {"type": "syslog_parser", "protocol": "rfc5424"}
        if kind == 9:
            return {"type": "syslog_parser", "protocol": "rfc3164", **self.one_of({}, {"location": "Europe/Berlin"}, {"allow_skip_pri_header": True})}
        return {"type": "json_array_parser", **self.one_of({}, {"header": "a,b,c,d"})}

    def operator(self):
        kind = self.random.randrange(22)
        if kind < 7:
            out = self.parser()
            if self.random.random() < 0.4:
                out["parse_to"] = self.one_of("body", "attributes.deep", "attributes", "resource")
            if self.random.random() < 0.2:
                out["parse_from"] = self.one_of("attributes.msg", "attributes.a", "attributes.copy")
            return out
        if kind == 7:
            return {"type": "container", "add_metadata_from_filepath": False, **self.one_of({}, {"format": "containerd"}, {"format": "crio"}, {"format": "docker"})}
        if kind == 8:
            return {"type": "severity_parser", "parse_from": self.one_of("attributes.level", "attributes.n", "body.level", "attributes.a")}
        if kind == 9:
            return {"type": "time_parser", **self.one_of({"parse_from": "attributes.time", "layout": "%Y-%m-%dT%H:%M:%S.%LZ"}, {"parse_from": "body", "layout_type": "epoch", "layout": "s"},
                                                         {"parse_from": "body", "layout_type": "epoch", "layout": "s.ms"}, {"parse_from": "body", "layout_type": "epoch", "layout": "ms"},
                                                         {"parse_from": "attributes.time", "layout_type": "gotime", "layout": "2006-01-02T15:04:05.000Z"})}
        if kind == 10:
            return {"type": "trace_parser", "trace_id": {"parse_from": "attributes.trace"}, "span_id": {"parse_from": "attributes.n"}}
        if kind == 11:
            return {"type": "scope_name_parser", "parse_from": self.one_of("attributes.msg", "attributes.level", "body")}
        if kind == 12:
            return {"type": "add", "field": self.one_of("attributes.added", "attributes.deep.b", "body", "resource.r", "body.a"), "value": self.one_of("text", 7, "EXPR(%s)" % self.expression(), "EXPR(%s)" % self.expression(), {"a": 1})}
        if kind in (13, 14):
            return {"type": self.one_of("copy", "move"), "from": self.field(), "to": self.one_of("attributes.copy", "attributes.deep.c", "body", "resource.r", "body.b")}
        if kind == 15:
            return {"type": "remove", "field": self.one_of(self.field(), "attributes.deep")}
        if kind == 16:
            return {"type": "retain", "fields": self.random.sample(["attributes.a", "attributes.level", "attributes.msg", "attributes.deep", "body.a", "resource.chain", 'attributes["log.file.record_number"]'], 3)}
        if kind == 17:
            return {"type": "filter", "expr": self.condition()}
        if kind == 18:
            return {"type": "flatten", "field": self.one_of("body", "body.a", "attributes.deep", "attributes.a")}
        if kind == 19:
            return {"type": "unquote", "field": self.field()}
        if kind == 20:
            return {"type": "regex_replace", "field": self.field(), "regex": self.one_of("[aeiou]", "(\\w+) (\\w+)", "^"), "replace_with": self.one_of("", "$2-${1}", "x")}
        return {"type": "assign_keys", "field": self.field(), "keys": ["p", "q"]}

    def chain(self):
        out = []
        for _ in range(self.random.randrange(1, 6)):
            operator = self.operator()
            if operator["type"] != "filter":
                operator["on_error"] = self.one_of("send_quiet", "send_quiet", "send_quiet", "send")
            # `if` has no effect on `filter` there.
            if self.random.random() < 0.25 and operator["type"] != "filter":
                operator["if"] = self.condition()
            out.append(operator)
        return out


class Arrivals:
    """Which chains have sent the last line."""

    def __init__(self):
        self.seen, self.done = 0, set()

    def all(self, sink):
        while self.seen < len(sink.requests):
            request = json.loads(Sink._text(sink.requests[self.seen][2]))
            self.seen += 1
            for group in request["resourceLogs"]:
                for scope in group["scopeLogs"]:
                    for record in scope["logRecords"]:
                        text = json.dumps(record)
                        if LAST in text:
                            self.done.add(text.split('"chain-')[1].split('"')[0])
        return len(self.done) == CHAINS


class RandomChains(Differential):
    def test_the_same_records(self):
        first, end = map(int, os.environ.get("WEIR_LOG_SEEDS", "0:1").split(":"))
        compared = 0
        for seed in range(first, end):
            with self.subTest(seed=seed):
                compared += self.compare(seed)
        print("%d records compared" % compared)

    def compare(self, seed):
        with tempfile.TemporaryDirectory(prefix="weir-logs-") as folder:
            path = os.path.join(folder, "a.log")
            with open(path, "w") as f:
                f.write(Lines(seed).text())
            chains = Chains(seed)
            receivers, chosen = {}, []
            for i in range(CHAINS):
                chain = chains.chain()
                chosen.append(chain)
                # The last line goes around the chain: when it has come, all others have.
                split = [{"type": "router", "default": "first", "routes": [{"expr": "body == %s" % json.dumps(LAST), "output": "mark"}]}, {"type": "noop", "id": "first"}]
                mark = {"type": "add", "id": "mark", "field": "attributes.chain", "value": "chain-%d" % i}
                receivers["filelog/%d" % i] = {"include": [path], "start_at": "beginning", "include_file_name": False, "include_file_record_number": True, "resource": {"chain": str(i)}, "operators": [*split, *chain, mark]}
            config = json.dumps({
                "receivers": receivers,
                "exporters": {"otlphttp": {"endpoint": "http://127.0.0.1:@sink@", "encoding": "json", "compression": "none"}},
                "service": {"pipelines": {"logs/%s" % name.split("/")[1]: {"receivers": [name], "exporters": ["otlphttp"]} for name in receivers},
                            "telemetry": {"logs": {"level": "fatal"}, "metrics": {"level": "none"}}}}, indent=1).replace("$", "$$")
            views = []
            for program in (otelcol(), binary()):
                arrivals = Arrivals()
                outcome = run(program, config, [], until=arrivals.all, seconds=60)
                # A double that is -0 is -0.0 in one program's JSON and -0 in the other's, which Python reads as 0.
                views.append([{path: re.sub(r"-0\.0(?![0-9])", "0.0", text) for path, text in record.items()} for record in outcome.records(ignore=["observedTimeUnixNano"])])
            found = difference(*views)
            if found:
                self.fail("%s\n%s" % ("\n".join("%d: %s" % (i, json.dumps(chain)) for i, chain in enumerate(chosen) if "chain-%d'" % i in found), found))
            return len(views[0])


class Files:
    """Draws what stands in a file and how it becomes lines. The last line has a Z, and no other."""

    def __init__(self, seed):
        self.random = random.Random("files %s" % seed)

    def one_of(self, *choices):
        return self.random.choice(choices)

    def content(self):
        parts = [self.one_of("start ", "a", "b c", "  ", "\t", "\n", "\n", "\n\n", "\r\n", "\r", ";", "END", "x" * self.random.randrange(60), "é", "日本", "<<", ">>", " ;", "\0", "\u00a0")
                 for _ in range(self.random.randrange(1, 40))]
        return "".join(parts) + "\nstart Z;END\n"

    def settings(self):
        out, omit = {}, self.one_of({}, {"omit_pattern": True})
        kind = self.random.randrange(6)
        if kind == 1:
            out["multiline"] = {"line_start_pattern": self.one_of("start", "^start", "<<", "\\n", "^\\S", "(a|b)"), **omit}
        if kind == 2:
            out["multiline"] = {"line_end_pattern": self.one_of(";", "END", "END\\n", ";\\s*", ">>", "\\n", "(;|END)"), **omit}
        for name in ("preserve_leading_whitespaces", "preserve_trailing_whitespaces", "include_file_record_number", "include_file_record_offset"):
            if self.random.random() < 0.3:
                out[name] = True
        if self.random.random() < 0.25:
            out["max_log_size"] = self.one_of(20, 32, 50, 100)
            # An entry of that size keeps its pattern there when one byte is behind it in the file.
            if "line_end_pattern" in out.get("multiline", {}):
                out["multiline"].pop("omit_pattern", None)
            # What is behind a cut is a line of its own there when it was not yet in the buffer.
            if "multiline" not in out and self.random.random() < 0.5:
                out["max_log_size_behavior"] = "truncate"
        if self.random.random() < 0.15:
            out["encoding"] = self.one_of("ascii", "iso-8859-1")
        return out


class RandomFiles(Differential):
    def test_the_same_lines(self):
        first, end = map(int, os.environ.get("WEIR_LOG_SEEDS", "0:1").split(":"))
        for seed in range(first, end):
            with self.subTest(seed=seed), tempfile.TemporaryDirectory(prefix="weir-logs-") as folder:
                self.compare(Files(seed), folder)

    def compare(self, files, folder):
        receivers = {}
        for i in range(60):
            path = os.path.join(folder, "%d.log" % i)
            with open(path, "w", newline="") as f:
                f.write(files.content())
            receivers["filelog/%d" % i] = {"include": [path], "start_at": "beginning", "poll_interval": "50ms", **files.settings()}
        config = json.dumps({
            "receivers": receivers,
            "exporters": {"otlphttp": {"endpoint": "http://127.0.0.1:@sink@", "encoding": "json", "compression": "none"}},
            "service": {"pipelines": {"logs": {"receivers": list(receivers), "exporters": ["otlphttp"]}}, "telemetry": {"logs": {"level": "fatal"}, "metrics": {"level": "none"}}}}, indent=1)
        views = [run(program, config, [], until=lambda sink: sum(body.count(b"Z") for _, _, body in sink.requests) >= len(receivers), seconds=60).records(ignore=["observedTimeUnixNano"])
                 for program in (otelcol(), binary())]
        found = difference(*views)
        if found:
            self.fail("%s\n%s" % (json.dumps(receivers), found))


class SwitchOver(Differential):
    def test_weir_goes_on_where_the_go_collector_was(self):
        with tempfile.TemporaryDirectory(prefix="weir-logs-") as folder:
            os.mkdir(os.path.join(folder, "state"))
            config = """
extensions: {file_storage: {directory: %(folder)s/state}}
receivers: {filelog/app: {include: [%(folder)s/*.log*], start_at: beginning, storage: file_storage, include_file_record_number: true}}
exporters: {otlphttp: {endpoint: "http://127.0.0.1:@sink@", encoding: json, compression: none}}
service: {extensions: [file_storage], telemetry: {metrics: {level: none}}, pipelines: {logs: {receivers: [filelog/app], exporters: [otlphttp]}}}
""" % {"folder": folder}

            def write(name, *lines):
                with open(os.path.join(folder, name), "a") as f:
                    f.write("".join(line + "\n" for line in lines))

            def through(program, count):
                sent = run(program, config, [], until=lambda sink: sum(body.count(b'"body"') for _, _, body in sink.requests) >= count)
                return sorted((record["log.body"], record["log.attributes[log.file.record_number]"]) for record in sent.records())

            write("a.log", "a1", "a2")
            write("b.log", *("b%04d %s" % (i, "x" * 50) for i in range(100)))
            self.assertEqual(len(through(otelcol(), 102)), 102)
            write("a.log", "a3")
            os.rename(os.path.join(folder, "b.log"), os.path.join(folder, "b.log.1"))
            write("b.log.1", "b-last")
            write("b.log", "new")
            self.assertEqual(through(binary(), 3), [("'a3'", "3"), ("'b-last'", "101"), ("'new'", "1")])
            write("a.log", "a4")
            self.assertEqual(through(binary(), 1), [("'a4'", "4")])
