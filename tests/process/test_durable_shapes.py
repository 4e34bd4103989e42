"""An OK means it is kept, in other shapes: what waits in groupbytrace, logs and metrics, several exporters, changed plans, damaged directories."""
import os, random, re, shutil, signal, subprocess, sys, tempfile, threading, time, unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *

PATHS = {"traces": "/v1/traces", "logs": "/v1/logs", "metrics": "/v1/metrics"}


def logs(*ids):
    return {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"timeUnixNano": "1700000000000000000", "body": {"stringValue": "id=%d." % i}} for i in ids]}]}]}


def metrics(*ids):
    points = [{"timeUnixNano": "1700000000000000000", "asInt": "1", "attributes": [{"key": "id", "value": {"stringValue": "id=%d." % i}}]} for i in ids]
    return {"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "m", "gauge": {"dataPoints": points}}]}]}]}


def spans(*ids):
    out = traces(*ids)
    for span, i in zip(out["resourceSpans"][0]["scopeSpans"][0]["spans"], ids):
        span["name"] = "id=%d." % i
    return out


MAKE = {"traces": spans, "logs": logs, "metrics": metrics}


def ids_of(sink):
    with sink.lock:
        bodies = [body for _, _, body in sink.requests]
    return [int(number) for body in bodies for number in re.findall(rb"id=(\d+)\.", body)]


def configuration(receive, sinks, signal="traces", processors="", chain="", queue="", extensions=""):
    exporters = "".join("  otlphttp/%s:\n    endpoint: http://127.0.0.1:%d\n    encoding: json\n    compression: none\n"
                        "    retry_on_failure: {initial_interval: 50ms, max_interval: 200ms}\n    sending_queue: {%s}\n" % (name, sink.port, queue) for name, sink in sinks.items())
    return """
receivers:
  otlp: {protocols: {http: {endpoint: '127.0.0.1:%d'}}}
%s%sexporters:
%sservice:
  telemetry: {metrics: {level: none}}
%s  pipelines:
    %s: {receivers: [otlp], processors: [%s], exporters: [%s]}
""" % (receive, "extensions:\n" + extensions if extensions else "", "processors:\n" + processors if processors else "", exporters,
       "  extensions: [file_storage]\n" if extensions else "", signal, chain, ", ".join("otlphttp/" + name for name in sinks))


class Shapes(unittest.TestCase):
    def setUp(self):
        self.sinks, self.port = {}, free_port()
        self.data = tempfile.mkdtemp(prefix="weir-shapes-")
        self.addCleanup(shutil.rmtree, self.data, True)
        self.sink("a")

    def sink(self, name):
        sink = self.sinks[name] = Sink()
        self.addCleanup(sink.close)
        return sink

    def weir(self, *arguments, **options):
        return Weir(configuration(self.port, self.sinks, **options), args=["--data-dir", self.data, *arguments], ready=[self.port])

    def queue(self, *arguments):
        done = subprocess.run([binary(), "queue", *arguments], capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    def files(self, ending):
        return sorted(os.path.join(base, name) for base, _, names in os.walk(self.data) for name in names if name.endswith(ending))

    def moods(self, rng):
        for sink in self.sinks.values():
            mood = rng.choice(["down", "slow", "flapping", "fine"])
            sink.answer = {
                "down": lambda path, body: (503, {}),
                "slow": lambda path, body: (time.sleep(0.05), (200, {}))[1],
                "flapping": lambda path, body: (random.choice([200, 503]), {}),
                "fine": lambda path, body: (200, {})}[mood]

    def trials(self, what, shapes, signal_name="traces"):
        """Kills weir at random points under load, each time with one of `shapes`, options of configuration(). Everything answered OK has to arrive."""
        count = int(os.environ.get("WEIR_TRIALS") or (100 if os.environ.get("WEIR_ALL") == "1" else 4))
        rng, accepted, first = random.Random(os.environ.get("WEIR_SEED", "1") + what), [], 0
        for trial in range(count):
            self.moods(rng)
            with self.weir("--cores", str(rng.choice([1, 2, 3, 4])), signal=signal_name, **rng.choice(shapes)) as weir:
                senders = [Sender(self.port, first + n * 1_000_000, PATHS[signal_name], MAKE[signal_name]) for n in range(3)]
                first += 3_000_000
                with contextlib.suppress(AssertionError):  # who waits for a back end that is down hears nothing
                    wait_for(lambda: any(sender.accepted for sender in senders), seconds=3)
                time.sleep(rng.uniform(0, 0.4))
                if rng.random() < 0.15:
                    self.moods(rng)
                    weir.stop()  # an orderly end now and then
                else:
                    weir.signal(signal.SIGKILL)
                    weir.process.wait()
                for sender in senders:
                    accepted.extend(sender.stop())
            code, said = self.queue("check", self.data)
            self.assertNotEqual(code, 1, said)
        for sink in self.sinks.values():
            sink.answer = lambda path, body: (200, {})
        with self.weir(signal=signal_name, **shapes[0]) as weir:
            for name, sink in self.sinks.items():
                wait_for(lambda: set(ids_of(sink)) >= set(accepted), seconds=float(os.environ.get("WEIR_PATIENCE", "60")), what="delivery to %s" % name)
            self.assertEqual(weir.stop(), 0)
        self.assertGreater(len(accepted), count)
        twice = [len(ids_of(sink)) - len(set(ids_of(sink))) for sink in self.sinks.values()]
        print("%s: %d kills, %d items answered OK, 0 lost, %s delivered twice" % (what, count, len(accepted), twice), file=sys.stderr)

    def test_what_waits_in_groupbytrace(self):
        group = "  groupbytrace: {wait_duration: 1s}\n  batch: {timeout: 50ms}\n"
        self.trials("groupbytrace", [dict(processors=group, chain="groupbytrace"), dict(processors=group, chain="groupbytrace, batch")])

    def test_logs_to_several_exporters(self):
        self.sink("b")
        self.trials("logs", [dict(), dict(processors="  batch: {timeout: 50ms}\n", chain="batch")], "logs")

    def test_metrics_synced_before_the_answer(self):
        storage = "  file_storage: {directory: %s, create_directory: true, fsync: true}\n" % os.path.join(self.data, "elsewhere")
        self.trials("metrics with fsync", [dict(extensions=storage, queue="storage: file_storage")], "metrics")

    def test_a_plan_that_changes_between_the_kills(self):
        both = "  groupbytrace: {wait_duration: 500ms}\n  tail_sampling: {decision_wait: 1s, policies: [{name: all, type: always_sample}]}\n"
        self.trials("changing plans", [dict(processors=both, chain="groupbytrace, tail_sampling"), dict(processors=both, chain="tail_sampling"), dict(queue="num_consumers: 1"),
                                       dict(queue="sizer: bytes, batch: {flush_timeout: 100ms, min_size: 500, max_size: 2000}"), dict(queue="wait_for_result: true")])

    def fill(self, count=30, **options):
        """Requests that wait, after a kill."""
        self.sinks["a"].answer = lambda path, body: (503, {})
        with self.weir("--cores", "1", **options) as weir:
            for i in range(count):
                self.assertEqual(post(self.port, "/v1/traces", spans(i))[0], 200)
            weir.signal(signal.SIGKILL)
            weir.process.wait()
        self.sinks["a"].answer = lambda path, body: (200, {})

    def delivered(self, wanted, said=None, **options):
        with self.weir(**options) as weir:
            wait_for(lambda: set(ids_of(self.sinks["a"])) == set(wanted), what="delivery of what is whole")
            if said:
                wait_for(lambda: said in weir.output(), what=said)
            self.assertEqual(weir.stop(), 0)

    @staticmethod
    def flip(path, at):
        with open(path, "r+b") as f:
            f.seek(at)
            byte = f.read(1)
            f.seek(at)
            f.write(bytes([byte[0] ^ 0xFF]))

    def test_a_flipped_head_of_the_last_record_is_damage_and_said(self):
        self.fill()
        segment = self.files(".seg")[0]
        with open(segment, "rb") as f:
            last = f.read().rfind(b"\xa7rec")
        self.flip(segment, last + 10)
        code, said = self.queue("check", self.data)
        self.assertEqual(code, 1, said)
        self.delivered(range(29), "1 damaged records")

    def test_a_segment_of_a_later_version_stays_and_is_said(self):
        self.fill()
        segment = self.files(".seg")[0]
        with open(segment, "r+b") as f:
            head = bytearray(f.read(32))
            head[8] = 2
            head[12:16] = crc32c(bytes(head[:12]) + bytes(head[16:])).to_bytes(4, "little")
            f.seek(0)
            f.write(head)
        code, said = self.queue("check", self.data)
        self.assertEqual(code, 1, said)
        self.delivered([], "of an unknown version skipped")
        self.assertTrue(os.path.exists(segment))

    def test_damage_of_what_a_stage_holds_is_said(self):
        hold = dict(processors="  tail_sampling: {decision_wait: 2s, policies: [{name: all, type: always_sample}]}\n", chain="tail_sampling")
        self.fill(**hold)
        segment = next(path for path in self.files(".seg") if "/held/" in path)
        self.flip(segment, os.path.getsize(segment) // 2)
        code, said = self.queue("check", self.data)
        self.assertEqual(code, 1, said)
        with self.weir(**hold) as weir:
            wait_for(lambda: len(set(ids_of(self.sinks["a"]))) == 29, what="delivery of what is whole")
            self.assertIn("1 damaged records", weir.output())
            weir.stop()

    def test_any_file_of_the_directory_changed_or_cut_and_it_starts(self):
        rng = random.Random(os.environ.get("WEIR_SEED", "1"))
        everything = dict(processors="  groupbytrace: {wait_duration: 1s}\n  tail_sampling: {decision_wait: 1s, policies: [{name: all, type: always_sample}]}\n", chain="groupbytrace, tail_sampling")
        self.fill(**everything)
        pristine = self.data + ".whole"
        shutil.copytree(self.data, pristine)
        self.addCleanup(shutil.rmtree, pristine, True)
        for trial in range(int(os.environ.get("WEIR_TRIALS") or (60 if os.environ.get("WEIR_ALL") == "1" else 3))):
            shutil.rmtree(self.data)
            shutil.copytree(pristine, self.data)
            paths = [path for path in self.files("") if os.path.getsize(path)]
            for path in rng.sample(paths, min(len(paths), rng.choice([1, 2]))):
                how = rng.choice(["flip", "cut", "garbage", "empty", "directory", "unreadable name"])
                if how == "flip":
                    self.flip(path, rng.randrange(os.path.getsize(path)))
                elif how == "cut":
                    os.truncate(path, rng.randrange(os.path.getsize(path)))
                elif how == "garbage":
                    with open(path, "wb") as f:
                        f.write(rng.randbytes(3000))
                elif how == "empty":
                    os.truncate(path, 0)
                elif how == "directory":
                    os.remove(path)
                    os.mkdir(path)
                else:
                    os.rename(path, path + ".old")
            for action in ("check", "ls", "show"):
                code, said = self.queue(action, self.data)
                self.assertIn(code, (0, 1, 2), said)
            with self.weir(**everything) as weir:
                self.assertEqual(post(self.port, "/v1/traces", spans(1_000 + trial))[0], 200)
                wait_for(lambda: 1_000 + trial in ids_of(self.sinks["a"]), what="a new span")
                self.assertEqual(weir.stop(), 0, weir.output()[-3000:])

    def test_a_directory_that_cannot_be_written_to(self):
        self.fill(5)
        if os.geteuid() == 0:
            if subprocess.run(["mount", "--bind", self.data, self.data], capture_output=True).returncode != 0:
                self.skipTest("cannot mount")
            self.addCleanup(subprocess.run, ["umount", "-l", self.data])
            subprocess.run(["mount", "-o", "remount,bind,ro", self.data], check=True)
        else:
            os.chmod(self.data, 0o500)
        self.assertEqual(self.queue("check", self.data)[0], 0)
        self.assertEqual(self.queue("show", self.data)[1].count('"traceId"'), 5)
        for action in ("replay", "drop"):
            code, said = self.queue(action, self.data)
            self.assertNotEqual(code, 0, said)
        with self.assertRaises(AssertionError) as caught:
            self.weir().__exit__()
        self.assertIn("data directory cannot be used", str(caught.exception))

    def test_drop_and_replay_leave_what_they_do_not_mean(self):
        self.fill(5)
        code, said = self.queue("replay", self.data)
        self.assertEqual(code, 0, said)
        self.delivered(range(5))
        self.fill(5)
        code, said = self.queue("drop", self.data, "--dead")
        self.assertEqual(code, 0, said)
        self.assertEqual(self.queue("show", self.data)[1].count('"traceId"'), 5)
        code, said = self.queue("drop", self.data)
        self.assertIn("5 requests", said)
        self.assertEqual(self.queue("show", self.data)[1].count('"traceId"'), 0)

    def test_explain_says_what_is_in_memory_only(self):
        for signal_name, stage in (("metrics", "interval"), ("logs", "logdedup")):
            text = configuration(self.port, self.sinks, signal=signal_name, processors="  %s: {}\n" % stage, chain=stage)
            with tempfile.NamedTemporaryFile("w", suffix=".yaml") as config:
                config.write(text)
                config.flush()
                said = subprocess.run([binary(), "explain", "--config", config.name], capture_output=True, text=True).stdout
            self.assertRegex(said, "processor %s.* OK is in memory" % stage)
            self.assertRegex(said, "receiver otlp.* OK is in memory")

    def test_partial_success_reaches_the_sender_where_one_waits(self):
        for queue in ("enabled: false", "wait_for_result: true", "wait_for_result: true, durable: false"):
            sink = self.sinks["a"]
            sink.answer = lambda path, body: (200, {"Content-Type": "application/json"}, b'{"partialSuccess":{"rejectedSpans":"2","errorMessage":"names are too long"}}')
            with self.weir(queue=queue):
                status, headers, body = post(self.port, "/v1/traces", spans(1, 2, 3))
                self.assertEqual(status, 200)
                self.assertEqual(json.loads(body), {"partialSuccess": {"rejectedSpans": "2", "errorMessage": "names are too long"}})


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


if __name__ == "__main__":
    unittest.main()
