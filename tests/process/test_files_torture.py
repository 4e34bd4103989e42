"""Log files under rotation of every kind, a back end that refuses and a program that is killed: no line is missing, and what comes twice
was on its way at a kill.

A short form runs always. WEIR_TORTURE_SECONDS=600 makes it long: 200 files, 20,000 lines/s, a kill every few seconds. With WEIR_OTELCOL the
Go collector gets the same, and its figures are printed.
"""
import os, random, shutil, sys, unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import *

SECONDS = float(os.environ.get("WEIR_TORTURE_SECONDS", "0"))
FILES, RATE = (200, 20_000) if SECONDS else (20, 2_000)
TURN = 0.2
CONFIG = """
receivers:
  filelog:
    include: ["%(folder)s/*.log*"]
    start_at: beginning
    compression: auto
    storage: file_storage
    retry_on_failure: {enabled: true, initial_interval: 100ms, max_interval: 500ms}
exporters:
  otlphttp: {endpoint: "http://127.0.0.1:%(sink)d", encoding: json, compression: none, sending_queue: {enabled: false}, retry_on_failure: {enabled: false}}
extensions: {file_storage: {directory: "%(state)s", create_directory: true}}
service:
  extensions: [file_storage]
  telemetry: {metrics: {level: none}, logs: {level: error}}
  pipelines: {logs: {receivers: [filelog], exporters: [otlphttp]}}
"""


class Arrivals:
    """Which lines came, how often, and in which life of the program."""

    def __init__(self):
        self.lock, self.life = threading.Lock(), 0
        self.lives = {}  # file -> for each line the life in which it came last, -1: never
        self.distinct = self.repeated = self.repeated_within_a_life = 0

    def take(self, body, life):
        with self.lock:
            for name, number in re.findall(rb'"(f\d{3})-(\d{7})[ "]', body):
                lives, number = self.lives.setdefault(name.decode(), []), int(number)
                lives += [-1] * (number + 1 - len(lives))
                if lives[number] < 0:
                    self.distinct += 1
                else:
                    self.repeated += 1
                    self.repeated_within_a_life += lives[number] == life
                lives[number] = life

    def all(self, name, count):
        with self.lock:
            lives = self.lives.get(name, [])
            return len(lives) >= count and -1 not in lives[:count]


class Torture(unittest.TestCase):
    def setUp(self):
        self.random = random.Random(7)
        self.root = tempfile.TemporaryDirectory(prefix="weir-torture-")
        self.addCleanup(self.root.cleanup)

    def start(self, program):
        """The program, up and reading."""
        self.arrivals.life += 1
        # A back end for each life: what was on its way at a kill may be taken only later.
        sink, life = Sink(), self.arrivals.life
        self.addCleanup(sink.close)

        def answer(path, body):
            if self.refusing and self.chance.random() < 0.33:
                return 503, {}
            self.arrivals.take(body, life)
            with sink.lock:
                sink.requests.clear()
            return 200, {}

        sink.answer = answer
        return Collector(program, CONFIG % {"folder": self.folder, "state": os.path.join(self.base, "state"), "sink": sink.port})

    def run_through(self, program, seconds):
        self.base = os.path.join(self.root.name, os.path.basename(program))
        self.folder = os.path.join(self.base, "log")
        os.makedirs(self.folder)
        self.arrivals, self.refusing, self.chance = Arrivals(), True, random.Random(11)
        self.written, self.rotations, self.history, self.old = {}, {}, {}, []
        kills, running, begun = 0, self.start(program), time.monotonic()
        next_kill = begun + self.random.uniform(3, 7)
        try:
            while time.monotonic() - begun < seconds:
                turn = time.monotonic()
                for n in range(FILES):
                    self.write("f%03d" % n, max(1, int(RATE * TURN / FILES)))
                self.remove_old()
                if time.monotonic() > next_kill:
                    running.signal(signal.SIGKILL)
                    running.__exit__()
                    kills, running = kills + 1, self.start(program)
                    next_kill = time.monotonic() + self.random.uniform(3, 7)
                time.sleep(max(0, TURN - (time.monotonic() - turn)))
            self.refusing = False
            total, last, quiet = sum(self.written.values()), -1, time.monotonic()
            while self.arrivals.distinct < total and time.monotonic() - quiet < 30:
                if self.arrivals.distinct != last:
                    last, quiet = self.arrivals.distinct, time.monotonic()
                time.sleep(0.1)
        finally:
            running.signal(signal.SIGKILL)
            running.__exit__()
        a = self.arrivals
        print("%s: %d lines, %d kills, rotations %s; missing %d, repeated %d, of those without a kill in between %d"
              % (os.path.basename(program), total, kills, self.rotations, total - a.distinct, a.repeated, a.repeated_within_a_life), file=sys.stderr)
        for name, count in sorted(self.written.items()):
            lives = a.lives.get(name, [])
            missing = [i for i in range(count) if i >= len(lives) or lives[i] < 0]
            if missing:
                print("%s: %d missing from %d to %d of %d, rotated %s" % (name, len(missing), missing[0], missing[-1], count, self.history.get(name)), file=sys.stderr)
        return total - a.distinct

    def write(self, name, lines):
        path, begin = os.path.join(self.folder, name + ".log"), self.written.get(name, 0)
        with open(path, "a") as f:
            f.write("".join("%s-%07d %s\n" % (name, begin + i, "x" * self.random.randrange(80)) for i in range(lines)))
        self.written[name] = begin + lines
        if self.random.random() < 0.01:
            self.rotate(name, path)

    def rotate(self, name, path):
        old = "%s.%d" % (path, self.written[name])
        way = self.random.choice(("rename", "copytruncate", "gzip"))
        self.rotations[way] = self.rotations.get(way, 0) + 1
        self.history.setdefault(name, []).append((way, self.written[name]))
        if way == "copytruncate":
            shutil.copy(path, old)
            os.truncate(path, 0)
        else:
            os.rename(path, old)
        if way == "gzip":
            with open(old, "rb") as f, gzip.open(os.path.join(self.folder, "tmp"), "wb") as to:
                shutil.copyfileobj(f, to)
            os.rename(os.path.join(self.folder, "tmp"), old + ".gz")
            os.unlink(old)
            old += ".gz"
        self.old.append((name, self.written[name], old))

    def remove_old(self):
        """What has arrived is removed in the end, as log rotation does; what has not would be lost with a kill."""
        for name, count, path in self.old[:50]:
            if self.arrivals.all(name, count):
                os.unlink(path)
                self.old.remove((name, count, path))
                self.rotations["remove"] = self.rotations.get("remove", 0) + 1

    def test_no_line_is_missing(self):
        self.assertEqual(self.run_through(binary(), SECONDS or 12), 0)
        self.assertEqual(self.arrivals.repeated_within_a_life, 0)

    @unittest.skipUnless(SECONDS and os.environ.get("WEIR_OTELCOL"), "a long run with the Go collector at hand")
    def test_the_go_collector_beside_it(self):
        self.run_through(os.environ["WEIR_OTELCOL"], SECONDS)


if __name__ == "__main__":
    unittest.main()
