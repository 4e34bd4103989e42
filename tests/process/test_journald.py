"""The journal, through a journalctl that is ours: every entry arrives, once, through refusals, restarts, kills and its own end."""
import os, sys, unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import *

CONFIG = """
receivers:
  journald:
    journalctl_path: %(folder)s/journalctl
    start_at: beginning
    units: [a.service]
    matches: [{_UID: "0"}, {_UID: "1", _PID: "2"}]
    convert_message_bytes: true
    storage: file_storage
    retry_on_failure: {initial_interval: 50ms, max_interval: 100ms}
exporters:
  otlphttp: {endpoint: "http://127.0.0.1:%(sink)d", encoding: json, compression: none, sending_queue: {enabled: false}, retry_on_failure: {enabled: false}}
extensions: {file_storage: {directory: "%(folder)s/state", create_directory: true}}
service:
  extensions: [file_storage]
  telemetry: {metrics: {level: none}}
  pipelines: {logs: {receivers: [journald], exporters: [otlphttp]}}
"""
JOURNALCTL = """#!%s
import json, os, sys, time
folder, arguments, parent = os.path.dirname(sys.argv[0]), sys.argv[1:], os.getppid()
with open(folder + "/started", "a") as f:
    f.write(json.dumps(arguments) + "\\n")
after = arguments[arguments.index("--after-cursor") + 1] if "--after-cursor" in arguments else None
with open(folder + "/journal") as f:
    while os.getppid() == parent:
        line = f.readline()
        if os.path.exists(folder + "/die") and not line:
            os.unlink(folder + "/die")
            sys.exit("no journal today")
        if not line:
            time.sleep(0.02)
        elif after is None:
            sys.stdout.write(line)
            sys.stdout.flush()
        elif json.loads(line)["__CURSOR"] == after:
            after = None
""" % sys.executable


class Journald(unittest.TestCase):
    def setUp(self):
        self.sink = Sink()
        self.addCleanup(self.sink.close)
        root = tempfile.TemporaryDirectory(prefix="weir-journal-")
        self.addCleanup(root.cleanup)
        self.folder, self.written = root.name, 0
        with open(os.path.join(self.folder, "journalctl"), "w") as f:
            f.write(JOURNALCTL)
        os.chmod(f.name, 0o755)
        self.append()

    def append(self, *messages):
        with open(os.path.join(self.folder, "journal"), "a") as f:
            for message in messages:
                self.written += 1
                f.write(json.dumps({"__CURSOR": "s=%d" % self.written, "__REALTIME_TIMESTAMP": str(1700000000000000 + self.written), "MESSAGE": message}) + "\n")

    def weir(self):
        return Weir(CONFIG % {"folder": self.folder, "sink": self.sink.port})

    def records(self):
        return [record for request in self.sink.json() for group in request["resourceLogs"] for scope in group["scopeLogs"] for record in scope["logRecords"]]

    def messages(self, count):
        wait_for(lambda: len(self.records()) >= count, what="%d entries" % count)
        return [next(kv["value"].get("stringValue") for kv in record["body"]["kvlistValue"]["values"] if kv["key"] == "MESSAGE") for record in self.records()]

    def started(self):
        with open(os.path.join(self.folder, "started")) as f:
            return [json.loads(line) for line in f]

    def test_entries_and_the_command(self):
        self.append("one", [104, 195, 164])
        with self.weir() as weir:
            self.assertEqual(self.messages(2), ["one", "h\u00e4"])
            self.assertEqual(weir.stop(), 0)
        self.assertEqual(self.started(), [["--utc", "--output=json", "--follow", "--no-tail", "--unit", "a.service", "--priority", "info",
                                           "_UID=0", "+", "_PID=2", "_UID=1"]])
        record = self.records()[0]
        self.assertEqual(record["timeUnixNano"], "1700000000000001000")
        self.assertEqual(sorted(kv["key"] for kv in record["body"]["kvlistValue"]["values"]), ["MESSAGE", "__CURSOR"])

    def test_once_through_restarts_refusals_and_the_end_of_journalctl(self):
        refused = iter([503] * 5)
        self.sink.answer = lambda path, body: (next(refused, 200), {})
        self.append("1", "2")
        with self.weir() as weir:
            self.messages(2)
            self.append("3")
            self.messages(3)
            open(os.path.join(self.folder, "die"), "w").close()
            wait_for(lambda: "no journal today" in weir.output(), what="the end of journalctl")
            self.append("4")
            self.messages(4)
            self.assertEqual(weir.stop(), 0)
        self.append("5")
        with self.weir() as weir:
            self.messages(5)
            time.sleep(1.5)  # until the position is saved
            weir.signal(signal.SIGKILL)
            weir.process.wait()
        self.append("6")
        with self.weir() as weir:
            self.assertEqual(sorted(self.messages(6)), ["1", "2", "3", "4", "5", "6"])
            self.assertEqual(weir.stop(), 0)

    def test_what_never_arrived_is_read_again(self):
        self.sink.answer = lambda path, body: (503, {})
        self.append("1")
        with self.weir() as weir:
            wait_for(lambda: os.path.exists(os.path.join(self.folder, "started")), what="journalctl")
            time.sleep(0.5)
            self.assertEqual(weir.stop(), 0)
        self.sink.answer = lambda path, body: (200, {})
        with self.weir():
            self.assertEqual(self.messages(1), ["1"])


if __name__ == "__main__":
    unittest.main()
