"""Log files: every line arrives once, through rotation of every kind, refusals, restarts and kills."""
import gzip, os, random, shutil, sys, unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import *

CONFIG = """
receivers:
  filelog:
    include: ["%(folder)s/**/*.log*"]
    start_at: beginning
    poll_interval: 50ms
    compression: auto
    include_file_path: true
    storage: file_storage
    retry_on_failure: {initial_interval: 50ms, max_interval: 200ms}
    %(more)s
exporters:
  otlphttp: {endpoint: "http://127.0.0.1:%(sink)d", encoding: json, compression: none, sending_queue: {enabled: false}, retry_on_failure: {enabled: false}}
extensions: {file_storage: {directory: "%(state)s", create_directory: true}}
service:
  extensions: [file_storage]
  telemetry: {metrics: {level: none}}
  pipelines: {logs: {receivers: [filelog], exporters: [otlphttp]}}
"""


def bodies(sink):
    return [record["body"]["stringValue"] for request in sink.json() for group in request["resourceLogs"]
            for scope in group["scopeLogs"] for record in scope["logRecords"]]


class Filelog(unittest.TestCase):
    def setUp(self):
        self.sink = Sink()
        self.addCleanup(self.sink.close)
        self.root = tempfile.TemporaryDirectory(prefix="weir-logs-")
        self.addCleanup(self.root.cleanup)
        self.folder, self.state = os.path.join(self.root.name, "log"), os.path.join(self.root.name, "state")
        os.mkdir(self.folder)

    def config(self, more=""):
        return CONFIG % {"folder": self.folder, "state": self.state, "sink": self.sink.port, "more": more}

    def path(self, name):
        return os.path.join(self.folder, name)

    def append(self, name, *lines):
        with open(self.path(name), "a") as f:
            f.write("".join(line + "\n" for line in lines))

    def arrived(self, count):
        wait_for(lambda: len(bodies(self.sink)) >= count, what="%d lines" % count)
        return bodies(self.sink)

    def test_the_end_a_file_had_at_first_survives_a_kill(self):
        self.append("a.log", "1")
        config = self.config().replace("start_at: beginning", "start_at: end")
        with Weir(config) as weir:
            wait_for(lambda: any(name.startswith("receiver_filelog_") and not name.endswith(".new") for name in os.listdir(self.state)) if os.path.isdir(self.state) else False, what="a checkpoint")
            weir.signal(signal.SIGKILL)
            weir.process.wait()
        self.append("a.log", "2")
        with Weir(config):
            self.assertEqual(self.arrived(1), ["2"])

    def test_positions_survive_a_restart_and_a_kill(self):
        self.append("a.log", "1", "2")
        with Weir(self.config()) as weir:
            self.arrived(2)
            self.append("a.log", "3")
            self.arrived(3)
            weir.stop()
        self.append("a.log", "4")
        weir = Weir(self.config())
        self.assertEqual(self.arrived(4), ["1", "2", "3", "4"])
        wait_for(lambda: self.saved_since(weir), what="the position saved")
        weir.process.kill()
        weir.process.wait()
        self.append("a.log", "5")
        with Weir(self.config()):
            self.assertEqual(self.arrived(5), ["1", "2", "3", "4", "5"])

    def saved_since(self, weir):
        """Both generations of the positions say where the file ends."""
        size = os.path.getsize(self.path("a.log"))
        found = 0
        for name in os.listdir(self.state):
            if name.startswith("receiver_filelog_"):
                with open(os.path.join(self.state, name), "rb") as f:
                    found += b"\t%d\t" % size in f.read()
        return found > 0

    def test_a_refusal_moves_no_position(self):
        self.sink.answer = lambda path, body: (503, {})
        self.append("a.log", *map(str, range(100)))
        weir = Weir(self.config())
        wait_for(lambda: "refused log records" in weir.output())
        weir.process.kill()
        weir.process.wait()
        self.sink.answer = lambda path, body: (200, {})
        with Weir(self.config()):
            self.assertEqual(self.arrived(100), list(map(str, range(100))))

    def test_refused_lines_are_sent_again_in_the_same_process(self):
        left = [5]

        def answer(path, body):
            left[0] -= 1
            return (503, {}) if left[0] >= 0 else (200, {})

        self.sink.answer = answer
        self.append("a.log", *map(str, range(100)))
        with Weir(self.config()):
            self.assertEqual(self.arrived(100), list(map(str, range(100))))

    def test_rotation_of_every_kind(self):
        with Weir(self.config()):
            self.append("a.log", "1 " + "x" * 100, "2")
            self.arrived(2)
            self.append("a.log", "3")
            os.rename(self.path("a.log"), self.path("a.log.1"))
            self.append("a.log", "4 new")
            self.arrived(4)
            # copytruncate, with a line between the last read and the copy
            self.append("a.log", "5")
            shutil.copy(self.path("a.log"), self.path("a.log.2"))
            os.truncate(self.path("a.log"), 0)
            self.append("a.log", "6 after")
            self.arrived(6)
            # compressed, then gone
            with open(self.path("a.log.1"), "rb") as f, gzip.open(self.path("tmp"), "wb") as to:
                to.write(f.read())
            os.rename(self.path("tmp"), self.path("a.log.1.gz"))
            os.unlink(self.path("a.log.1"))
            self.append("a.log", "7")
            os.unlink(self.path("a.log"))
            self.append("a.log", "8 again")
            self.arrived(8)
            time.sleep(0.5)  # nothing else may come
            self.assertEqual(sorted(body.split()[0] for body in bodies(self.sink)), [str(i) for i in range(1, 9)])

    def test_a_compressed_copy_beside_its_original_is_not_read_again(self):
        lines = ["line %d" % n for n in range(200)]
        self.append("a.log", *lines)
        with Weir(self.config()) as weir:
            self.arrived(200)
            with open(self.path("a.log"), "rb") as f, gzip.open(self.path("tmp"), "wb") as to:
                shutil.copyfileobj(f, to)
            os.rename(self.path("tmp"), self.path("a.log.1.gz"))
            for n in range(3):  # looks at both of them
                self.append("b.log", "mark %d" % n)
                self.arrived(201 + n)
            os.unlink(self.path("a.log"))
            for n in range(3, 6):
                self.append("b.log", "mark %d" % n)
                self.arrived(201 + n)
            self.assertEqual(weir.stop(), 0)
        self.assertEqual(sorted(bodies(self.sink)), sorted(lines + ["mark %d" % n for n in range(6)]))

    def test_equal_beginnings_are_two_files(self):
        head = "h" * 2000
        self.append("a.log", head, "a")
        self.append("b.log", head, "b")
        with Weir(self.config()):
            self.assertEqual(sorted(self.arrived(4)), sorted([head, "a", head, "b"]))

    def test_deleted_files_are_kept_up_to_a_bound(self):
        self.sink.answer = lambda path, body: (503, {})
        for name in ("a", "b", "c"):
            self.append(name + ".log", *("%s-%05d %s" % (name, i, "x" * 1000) for i in range(8000)))
        with Weir(self.config("max_deleted_size: 10mb")) as weir:
            wait_for(lambda: "refused log records" in weir.output())
            time.sleep(1)  # all are open by now, and what may be under way is
            for name in ("a", "b", "c"):
                os.unlink(self.path(name + ".log"))
            wait_for(lambda: weir.output().count("is given up") == 2, what="two files given up")
            self.sink.answer = lambda path, body: (200, {})
            count = lambda: {name: len({body[:7] for body in bodies(self.sink) if body.startswith(name)}) for name in "abc"}
            wait_for(lambda: 8000 in count().values(), seconds=40, what="the lines of the file that was kept")

    def test_thousands_of_files_are_watched(self):
        for i in range(2000):
            os.mkdir(self.path("%04d" % i))
            self.append("%04d/0.log" % i, "first of %d" % i)
        with Weir(self.config()):
            wait_for(lambda: len(bodies(self.sink)) >= 2000, seconds=60)
            self.append("1234/0.log", "second")
            self.arrived(2001)
            os.rename(self.path("0007/0.log"), self.path("0007/0.log.1"))
            self.append("0007/0.log", "third")
            os.mkdir(self.path("new"))
            self.append("new/0.log", "fourth")
            with open(self.path("0008/0.log"), "a") as f:
                f.write("fifth, without an end")
            wait_for(lambda: len(bodies(self.sink)) >= 2004, seconds=60)
            self.assertEqual(sorted(body for body in bodies(self.sink) if not body.startswith("first")), ["fifth, without an end", "fourth", "second", "third"])

    def test_torture(self):
        """Files rotated at random, a backend that refuses at random, kills: no line is missing."""
        random.seed(7)
        self.sink.answer = lambda path, body: (503, {}) if random.random() < 0.3 else (200, {})
        written, weir = 0, Weir(self.config())
        try:
            for step in range(40):
                for name in ("a", "b", "c"):
                    lines = ["%s-%06d %s" % (name, written + i, "x" * random.randrange(80)) for i in range(50)]
                    written += 50
                    self.append(name + ".log", *lines)
                    if random.random() < 0.25:
                        self.rotate(name + ".log", step)
                if step % 12 == 11:
                    weir.process.kill()
                    weir.process.wait()
                    weir = Weir(self.config())
                time.sleep(0.05)
            self.sink.answer = lambda path, body: (200, {})
            wait_for(lambda: len({body.split()[0] for body in bodies(self.sink)}) >= written, seconds=40, what="all %d lines" % written)
        finally:
            weir.process.kill()
            weir.process.wait()

    def rotate(self, name, step):
        way = random.choice(("rename", "copytruncate", "rename"))
        old = "%s.%d" % (self.path(name), step)
        if way == "rename":
            os.rename(self.path(name), old)
        else:
            # Whoever copies and truncates waits for nobody: weir may have to finish in the copy.
            shutil.copy(self.path(name), old)
            os.truncate(self.path(name), 0)


if __name__ == "__main__":
    unittest.main()
