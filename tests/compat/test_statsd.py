"""Random StatsD lines over UDP, TCP and unix datagrams become the same metrics in both programs.

WEIR_STATSD_SEEDS=FIRST:END: which runs."""
import random, tempfile, time, unittest

from peer import *

SEEDS = range(*map(int, os.environ.get("WEIR_STATSD_SEEDS", "0:6").split(":")))


class Lines:
    def __init__(self, seed):
        self.random = random.Random("statsd %s" % seed)

    def one_of(self, *choices):
        return self.random.choice(choices)

    def chance(self, share):
        return self.random.random() < share

    def value(self):
        return self.one_of("1", "0", "-1", "+3", "2.5", "1e3", "-0.25", "100", "0x10", "1_000", "NaN", "inf", "", "abc", str(self.random.uniform(-50, 50)), str(self.random.randrange(10**6)))

    def part(self):
        return self.one_of("@0.5", "@0.1", "@1", "@2", "@0", "@-1", "@x", "#a:1", "#a:1,b:2", "#b:2,a:1", "#simple", "#a:", "#:x", "#", "#a:b:c", "#,a:1,,", "c:0123abc", "c:", "T1656581400", "T0", "Tx", "e:what", "")

    def line(self):
        if self.chance(0.05):
            return self.one_of("", "|", "a", "a:1", ":1|c", "a:|c", "a:1|", "a:1|q", "a:1|c|", "a:1|c||#a:1", "a:1|c|#a:1|@0.5|c:x")
        name = self.one_of("hits", "size", "took", "size.of.it", "a b", "h\u00e9")
        kind = self.one_of("c", "g", "h", "ms", "d", "s") if self.chance(0.9) else "c"
        line = "%s:%s|%s" % (name + "." + kind, self.value() if self.chance(0.3) else self.one_of("1", "3", "-2", "10", "0.5", "7"), kind)
        for _ in range(self.random.randrange(3)):
            line += "|" + self.part()
        return line

    def mapping(self, kind):
        out = {"statsd_type": kind, "observer_type": self.one_of("gauge", "summary", "histogram")}
        if out["observer_type"] == "histogram" and self.chance(0.7):
            # The size of a histogram's buckets is set by the mapping of timings there.
            out["histogram"] = {"max_size": self.one_of(2, 4, 100)} if kind in ("timing", "timer") and self.chance(0.6) else {"explicit_buckets": [{"matcher_pattern": self.one_of("size", "^took", "nothing"), "buckets": [0, 1.5, 10]}, {"matcher_pattern": ".*of.*", "buckets": [5]}]}
        if out["observer_type"] == "summary" and self.chance(0.6):
            out["summary"] = {"percentiles": [0, 25, 99.9, 100]}
        return out

    def settings(self):
        out = {"aggregation_interval": "800ms", "ignore_host": True}
        for switch in ("enable_metric_type", "enable_simple_tags", "is_monotonic_counter"):
            if self.chance(0.5):
                out[switch] = True
        if self.chance(0.5):
            out["counter_type"] = self.one_of("int", "float")
        if self.chance(0.8):
            kinds = [k for k in (self.one_of("timing", "timer"), self.one_of("histogram", "distribution")) if self.chance(0.8)]
            out["timer_histogram_mapping"] = [self.mapping(kind) for kind in kinds]
            # Buckets of timings have the size of the last mapping there.
            if len(kinds) == 2 and "max_size" in out["timer_histogram_mapping"][0].get("histogram", {}):
                out["timer_histogram_mapping"].reverse()
            if not out["timer_histogram_mapping"]:
                del out["timer_histogram_mapping"]
        return out


def config(settings):
    return 'receivers: {statsd: %s}\n%sservice: {pipelines: {metrics: {receivers: [statsd], exporters: [otlphttp]}}}\n' % (json.dumps(settings), EXPORTER)


class Statsd(Differential):
    @staticmethod
    def comparable(record):
        # Times are those of the run.
        record = {path: text for path, text in record.items() if not path.endswith("startTimeUnixNano") and path != "scope.version"}
        if record.get("point.timeUnixNano", "") > "17500" or record.get("point.summary.timeUnixNano", ""):
            record = {path: text for path, text in record.items() if not path.endswith("timeUnixNano")}
        return {path: "%.11g" % float(text) if re.match(r"point.*(sum|asDouble|value)$", path) else text for path, text in record.items()}

    def check(self, settings, transport, lines):
        found = []
        with tempfile.TemporaryDirectory() as folder:
            # The Go collector tells lines twice over TCP when they are cut between two reads, and does not end then.
            for program, transport in ((otelcol(), transport if transport != "tcp" else "udp"), (binary(), transport)):
                path = os.path.join(folder, "socket")
                address = {"transport": transport, "endpoint": path if transport == "unixgram" else "127.0.0.1:@statsd@"}

                def feed(places, _):
                    self.send(transport, path if transport == "unixgram" else ("127.0.0.1", places["statsd"]), lines)
                    time.sleep(1.8)  # an interval that has all of it ends
                    return []
                outcome = run(program, config({**address, **settings}), [], feed=feed)
                found.append([self.comparable(record) for record in outcome.records()])
        different = difference(*found)
        if different:
            self.fail("%s %s\n%s" % (transport, json.dumps(settings), different))
        return found[1]

    @staticmethod
    def send(transport, address, lines):
        end = time.monotonic() + 10
        while True:
            with socket.socket(socket.AF_UNIX if transport == "unixgram" else socket.AF_INET, socket.SOCK_STREAM if transport == "tcp" else socket.SOCK_DGRAM) as s:
                try:
                    s.connect(address)
                    if s.type == socket.SOCK_DGRAM and s.family == socket.AF_INET:
                        s.send(b"\n")  # nobody there is told at the next one
                        time.sleep(0.05)
                        s.send(b"\n")
                    if transport == "tcp":
                        s.sendall("".join(line + "\n" for line in lines).encode())
                    else:
                        for first in range(0, len(lines), 5):
                            s.send("\n".join(lines[first:first + 5]).encode())
                    return
                except OSError:
                    if time.monotonic() > end:
                        raise
            time.sleep(0.05)

    def test_random_lines(self):
        for seed in SEEDS:
            lines = Lines(seed)
            transport = lines.one_of("udp", "tcp", "unixgram")
            settings = lines.settings()
            with self.subTest(seed=seed):
                self.assertTrue(self.check(settings, transport, [lines.line() for _ in range(300)]))

    def test_settings_to_refuse(self):
        mapping = lambda **settings: {"timer_histogram_mapping": [settings]}
        rows = [{"transport": "pigeon"}, {"aggregation_interval": "0s"}, {"counter_type": "long"}, mapping(statsd_type="timing"), mapping(observer_type="gauge"),
                mapping(statsd_type="counter", observer_type="gauge"), mapping(statsd_type="timing", observer_type="disabled"), mapping(statsd_type="timing", observer_type="gauge", histogram={"max_size": 10}),
                mapping(statsd_type="timing", observer_type="histogram", histogram={"max_size": 1}), mapping(statsd_type="timing", observer_type="histogram", histogram={"max_size": 20000}),
                mapping(statsd_type="timing", observer_type="histogram", histogram={"explicit_buckets": [{"matcher_pattern": "", "buckets": [1]}]}),
                mapping(statsd_type="timing", observer_type="histogram", histogram={"explicit_buckets": [{"matcher_pattern": "(", "buckets": [1]}]}),
                mapping(statsd_type="timing", observer_type="histogram", histogram={"explicit_buckets": [{"matcher_pattern": "a", "buckets": []}]}),
                mapping(statsd_type="timing", observer_type="histogram", histogram={"explicit_buckets": [{"matcher_pattern": "a", "buckets": [2, 1]}]}),
                mapping(statsd_type="timing", observer_type="summary", summary={"percentiles": [101]}), mapping(statsd_type="timing", observer_type="histogram", summary={"percentiles": [1]})]
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "config.yaml")
            for settings in rows:
                with self.subTest(settings=settings), open(path, "w") as f:
                    f.write("receivers: {statsd: %s}\nexporters: {debug: {}}\nservice: {pipelines: {metrics: {receivers: [statsd], exporters: [debug]}}}\n" % json.dumps(settings))
                    f.flush()
                    codes = [subprocess.run([program, "validate", "--config", path], capture_output=True).returncode for program in (otelcol(), binary())]
                    self.assertEqual([code != 0 for code in codes], [True, True])


if __name__ == "__main__":
    unittest.main()
