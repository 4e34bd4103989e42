"""Queries, commands, documents and URLs made of random pieces: the processor redaction takes the same values out of them in both programs."""
import random, unittest

from peer import *

SPANS, REQUESTS = 200, int(os.environ.get("WEIR_COMPAT_ROUNDS", 4))
SQL = ["select", "SELECT", "from", "where", "true", "FALSE", "Null", "nullable", "users2", "t1.c2", '"q1"."c2"', '"open', "'text'", "'it\\'s'", "''", "'a''b'", "42", "-7", "+.5", "3.5e-7",
       "1e", "0x1F", "0778", "089", "=", "<=", "->>", "->", "#>", "?|", "@>", "=?", "=-", "||", "*", "(", ")", ",", ";", ":x1", "::int4", "$1", "$tag$ 1 $tag$", "$func$select 1$func$", "$", "@p1",
       "@@v1", "@", "`b1`", "#c1", "--", "-- c1\n", "/* 1 */", "f2(", "in(", "null)", "é1", "_a9", "a$b1", "!1", "{", "}", "[1]", "\n", "\t", "  "]
COMMANDS = ["SET", "get", "HMSET", "MSET", "ZADD", "CONFIG", "BITFIELD", "AUTH", "GEOADD", "LINSERT", "SADD", "SETEX", "PING", "LREM", "EVAL"]
ARGUMENTS = ["k", "1", "NX", "SET", "get", '"a b"', '"a \\" b"', "\\", "u8", "0", "INCR", "é"]
LEAVES = ["1", "-1.5e+3", '"x"', "true", "null", '""', '"\\u00e9\\n"', "[]", "{}", '"é"']
PARTS = ["api", "users", "v1", "42", "a1b2", "123e4567-e89b", "products", "user-space", "index.html", "", "xkqzjw", "*", "%20", "login", "GET "]


class Texts:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def pick(self, choices):
        return self.random.choice(choices)

    def sql(self):
        return "".join(self.pick(SQL) + self.pick(["", " ", " "]) for _ in range(self.random.randrange(1, 12)))

    def redis(self):
        line = lambda: " ".join([self.pick(COMMANDS)] + [self.pick(ARGUMENTS) for _ in range(self.random.randrange(6))])
        return self.pick(["", " ", "\n"]) + "".join(line() + self.pick(["\n", " \n", "\n\n"]) for _ in range(self.random.randrange(1, 3)))

    def memcached(self):
        return self.pick(["get k1", "set k 0 0 5\r\nhello\r\n", " incr k 5 \r\n", ""])

    def json(self, depth=2):
        space = self.pick(["", " ", "\n"])
        kind = self.random.randrange(3) if depth else 0
        if kind == 1:
            return "[" + space + ",".join(space + self.json(depth - 1) + space for _ in range(self.random.randrange(1, 4))) + "]"
        if kind == 2:
            return "{" + space + ("," + space).join('"k%d"%s:%s%s' % (i, space, space, self.json(depth - 1)) for i in range(self.random.randrange(1, 4))) + space + "}"
        return self.pick(LEAVES)

    def document(self):
        return self.pick(["", " "]) + self.json() + self.pick(["", " ", "\n", "x", "]"])

    def url(self):
        return self.pick(["", "/"]) + "/".join(self.pick(PARTS) for _ in range(self.random.randrange(1, 8))) + self.pick(["", "?id=1&a", "#top"])


WRITERS = {"mysql": Texts.sql, "PostgreSQL": Texts.sql, "sqlite": Texts.sql, "redis": Texts.redis, "valkey": Texts.redis, "memcached": Texts.memcached, "mongodb": Texts.document,
           "opensearch": Texts.document, "elasticsearch": Texts.document, "oracle": Texts.sql}
KINDS = ("sql", "redis", "valkey", "memcached", "mongo", "opensearch", "es")


def attribute(key, value):
    return {"key": key, "value": {"stringValue": value}}


class Sanitizers(Differential):
    def config(self, signal, names=True):
        kinds = ", ".join("%s: {enabled: true, attributes: [q]}" % kind for kind in KINDS)
        processor = "  redaction: {allow_all_keys: true, summary: debug, db_sanitizer: {%s, sanitize_span_name: %s}, url_sanitizer: {enabled: true, attributes: [u], sanitize_span_name: %s}}" % (
            kinds, str(names).lower(), str(names).lower())
        return template(signal, processor, ["redaction"])

    def spans(self, seed):
        texts = Texts(seed)
        spans = []
        for i in range(SPANS):
            # MySQL's spans make the Go collector read later ones as MySQL's, too: they come by themselves.
            system = texts.pick([name for name in WRITERS if name != "mysql"])
            write = lambda: WRITERS[system](texts)
            attributes = [attribute("q", write()), attribute("u", texts.url()), attribute("other", write())]
            if texts.random.random() < 0.9:
                attributes.append(attribute(texts.pick(["db.system", "db.system.name"]), system))
            spans.append({"traceId": "%032x" % (seed * SPANS + i + 1), "spanId": "%016x" % (i + 1), "name": texts.pick([write, texts.url])() or "x", "kind": texts.random.randrange(6), "attributes": attributes})
        return {"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}

    def logs(self, seed):
        texts = Texts(seed)
        # Every sanitizer reads it. Of lines of spaces the Go collector's for Redis makes what the next line is not.
        write = lambda: texts.pick([Texts.sql, Texts.redis, Texts.url])(texts).replace("\n", " ")
        return {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": write()}, "attributes": [attribute("q", write()), attribute("n", str(i))]} for i in range(SPANS)]}]}]}

    def test_spans(self):
        for names in (True, False):
            with self.subTest(names=names):
                self.same(self.config("traces", names), [("traces", self.spans(seed)) for seed in range(REQUESTS)])

    def test_mysql(self):
        spans = [{"traceId": "%032x" % (i + 1), "spanId": "%016x" % (i + 1), "name": Texts(i).sql() or "x", "kind": 3, "attributes": [attribute("db.system", "MySQL")]} for i in range(SPANS)]
        config = self.config("traces").replace("url_sanitizer: {enabled: true", "url_sanitizer: {enabled: false")
        self.same(config, [("traces", {"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]})])

    def test_logs(self):
        config = self.config("logs").replace("url_sanitizer: {enabled: true", "url_sanitizer: {enabled: false")  # what is a word is told by another table there
        self.same(config, [("logs", self.logs(seed)) for seed in range(REQUESTS)])


if __name__ == "__main__":
    unittest.main()
