"""An OK means it is kept: kill -9 under load, restarts, a full disk, damaged files."""
import os, random, shutil, signal, subprocess, sys, tempfile, threading, time, unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import *


def configuration(receive, send, processors="", chain="", queue="", grpc=0, span_metrics=False):
    exporter = "    retry_on_failure: {initial_interval: 50ms, max_interval: 200ms}\n    sending_queue: {%s}\n" % queue
    text = pipeline(receive, send, processors=processors, chain=chain, exporter=exporter)
    if span_metrics:
        text = text.replace("exporters: [otlphttp]", "exporters: [otlphttp, spanmetrics]").replace("service:\n", "connectors:\n  spanmetrics: {metrics_flush_interval: 100ms}\nservice:\n")
        text += "    metrics: {receivers: [spanmetrics], exporters: [otlphttp]}\n"
    return text.replace("    protocols:\n", "    protocols:\n      grpc: {endpoint: '127.0.0.1:%d'}\n" % grpc) if grpc else text


def ids(sink):
    return [int(span["traceId"], 16) - 1 for span in sink.spans()]


class Durable(unittest.TestCase):
    def setUp(self):
        self.sink, self.port = Sink(), free_port()
        self.addCleanup(self.sink.close)
        self.data = tempfile.mkdtemp(prefix="weir-durable-")
        self.addCleanup(shutil.rmtree, self.data, True)

    def weir(self, *arguments, **options):
        return Weir(configuration(self.port, self.sink.port, **options), args=["--data-dir", self.data, *arguments], ready=[self.port])

    def queue(self, *arguments):
        done = subprocess.run([binary(), "queue", *arguments], capture_output=True, text=True)
        return done.returncode, done.stdout

    def front(self, port):
        """A process that takes HTTP and hands on over gRPC, one request at a time, answering what it was answered."""
        grpc = free_port()
        config = pipeline(port, 1).replace("  otlphttp:\n    endpoint: http://127.0.0.1:1\n    encoding: json\n", "  otlp:\n    endpoint: 127.0.0.1:%d\n    tls: {insecure: true}\n    retry_on_failure: {enabled: false}\n    sending_queue: {enabled: false}\n" % grpc)
        return grpc, Weir(config.replace("[otlphttp]", "[otlp]"), ready=[port])

    def trials(self, count, seed, grpc=False, **options):
        """Kills weir `count` times at random points under load while the back end does what backends do. -> (answered, delivered)"""
        rng, accepted, first, port = random.Random(seed), [], 0, self.port
        if grpc:
            port = free_port()
            options["grpc"], front = self.front(port)
            self.addCleanup(front.__exit__)
        for trial in range(count):
            mood = rng.choice(["down", "slow", "flapping", "fine"])
            self.sink.answer = {
                "down": lambda path, body: (503, {}),
                "slow": lambda path, body: (time.sleep(0.05), (200, {}))[1],
                "flapping": lambda path, body: (random.choice([200, 503]), {}),
                "fine": lambda path, body: (200, {})}[mood]
            with self.weir("--cores", str(rng.choice([1, 2, 3])), **options) as weir:
                senders = [Sender(port, first + n * 1_000_000) for n in range(3)]
                first += 3_000_000
                wait_for(lambda: any(sender.accepted for sender in senders), what="a first answer")
                time.sleep(rng.uniform(0, 0.4))
                weir.signal(signal.SIGKILL)
                weir.process.wait()
                for sender in senders:
                    accepted.extend(sender.stop())
        self.sink.answer = lambda path, body: (200, {})
        with self.weir(**options) as weir:
            wait_for(lambda: set(ids(self.sink)) >= set(accepted), seconds=float(os.environ.get("WEIR_PATIENCE", "60")), what="delivery of what was answered OK")
            self.assertEqual(weir.stop(), 0)
        return accepted, ids(self.sink)

    def kills(self, what, **options):
        count = int(os.environ.get("WEIR_TRIALS") or (100 if os.environ.get("WEIR_ALL") == "1" else 4))
        accepted, delivered = self.trials(count, seed=os.environ.get("WEIR_SEED", "1"), **options)
        self.assertGreater(len(accepted), count)
        self.assertEqual(set(accepted) - set(delivered), set())
        print("%s: %d kills, %d spans answered OK, 0 lost, %d delivered twice" % (what, count, len(accepted), len(delivered) - len(set(delivered))), file=sys.stderr)

    def test_kills_at_random_points_lose_nothing_that_was_answered_ok(self):
        self.kills("HTTP and batch", processors="  batch: {timeout: 50ms}\n", chain="batch")

    def test_the_same_over_grpc(self):
        self.kills("gRPC and batch", grpc=True, processors="  batch: {timeout: 50ms}\n", chain="batch")

    def test_the_same_with_tail_sampling(self):
        self.kills("tail sampling", chain="tail_sampling, batch", processors="  batch: {timeout: 50ms}\n"
                   "  tail_sampling: {decision_wait: 1s, policies: [{name: all, type: always_sample}]}\n")

    def test_the_same_beside_span_metrics(self):
        self.kills("span metrics", span_metrics=True, processors="  batch: {timeout: 50ms}\n", chain="batch")

    def test_sigterm_with_a_dead_back_end_is_quick_and_the_next_start_delivers(self):
        self.sink.answer = lambda path, body: (503, {})
        with self.weir() as weir:
            for i in range(20):
                self.assertEqual(post(self.port, "/v1/traces", traces(i))[0], 200)
            begun = time.monotonic()
            self.assertEqual(weir.stop(), 0)
            self.assertLess(time.monotonic() - begun, 10)
        code, text = self.queue("ls", self.data)
        self.assertEqual(code, 0)
        self.assertIn("otlphttp", text)
        code, text = self.queue("show", self.data, "--limit", "100")
        self.assertEqual(text.count('"traceId"'), 20)
        self.assertEqual(self.queue("check", self.data)[0], 0)
        self.sink.answer = lambda path, body: (200, {})
        with self.weir("--cores", "3"):
            wait_for(lambda: sorted(ids(self.sink)) == list(range(20)), what="delivery")

    def test_sigterm_ends_also_while_senders_wait_for_room(self):
        self.sink.answer = lambda path, body: (503, {})
        for durable, code in (("true", 0), ("false", 1)):
            with self.weir(queue="block_on_overflow: true, queue_size: 1, num_consumers: 1, durable: " + durable) as weir:
                answers = []
                senders = [threading.Thread(target=lambda: answers.append(post(self.port, "/v1/traces", traces(1))[0])) for _ in range(4)]
                for sender in senders:
                    sender.start()
                wait_for(lambda: 200 in answers, what="one in the queue")
                begun = time.monotonic()
                weir.signal(signal.SIGTERM)
                for sender in senders:
                    sender.join()
                self.assertEqual(sorted(answers)[0], 200)
                self.assertIn(503, answers)
                self.assertLess(time.monotonic() - begun, 20)
                self.assertEqual(weir.stop(), code)

    def test_damaged_files_cost_what_was_hit_and_are_said(self):
        self.sink.answer = lambda path, body: (503, {})
        with self.weir("--cores", "1") as weir:
            for i in range(30):
                self.assertEqual(post(self.port, "/v1/traces", traces(i))[0], 200)
            weir.signal(signal.SIGKILL)
        segment = next(os.path.join(base, name) for base, _, names in os.walk(self.data) for name in names if name.endswith(".seg"))
        with open(segment, "r+b") as f:
            f.seek(os.path.getsize(segment) // 2)
            byte = f.read(1)
            f.seek(-1, 1)
            f.write(bytes([byte[0] ^ 0xFF]))
        self.assertEqual(self.queue("check", self.data)[0], 1)
        self.sink.answer = lambda path, body: (200, {})
        with self.weir() as weir:
            wait_for(lambda: len(set(ids(self.sink))) == 29, what="delivery of what is whole")
            self.assertIn("1 damaged records", weir.output())

    def test_what_a_back_end_refuses_for_good_can_be_looked_at_and_sent_again(self):
        self.sink.answer = lambda path, body: (400, {})
        with self.weir() as weir:
            self.assertEqual(post(self.port, "/v1/traces", traces(5))[0], 200)
            wait_for(lambda: "Dropping data" in weir.output(), what="the refusal")
            code, text = self.queue("replay", self.data)
            self.assertEqual(code, 1)  # it runs
            weir.stop()
        code, text = self.queue("show", self.data, "--dead")
        self.assertIn("400", text)
        self.assertIn('"traceId"', text)
        self.assertEqual(self.queue("replay", self.data)[0], 0)
        self.sink.answer = lambda path, body: (200, {})
        with self.weir():
            wait_for(lambda: ids(self.sink) == [5], what="delivery")

    def test_a_second_process_does_without_or_does_not_start(self):
        with self.weir():
            other = free_port()
            with self.assertRaises(AssertionError) as caught:
                Weir(configuration(other, self.sink.port), args=["--data-dir", self.data], ready=[other])
            self.assertIn("another process uses", str(caught.exception))

    @unittest.skipUnless(os.geteuid() == 0, "mounts a file system")
    def test_a_full_disk_refuses_damages_nothing_and_takes_again(self):
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", self.data], capture_output=True).returncode != 0:
            self.skipTest("cannot mount")
        self.addCleanup(subprocess.run, ["umount", "-l", self.data])
        self.sink.answer = lambda path, body: (503, {})
        accepted, big, refusals = [], "x" * 400_000, []
        with self.weir("--cores", "2") as weir:
            for i in range(250):
                begun = time.monotonic()
                status = post(self.port, "/v1/traces", traces(i, name=big))[0]
                self.assertIn(status, (200, 503))
                if status == 200:
                    accepted.append(i)
                else:
                    refusals.append(time.monotonic() - begun)
            self.assertTrue(refusals)
            self.assertLess(max(refusals), 5)
            self.assertIsNone(weir.process.poll())
            subprocess.run(["mount", "-o", "remount,size=128m", self.data], check=True)
            begun = time.monotonic()
            wait_for(lambda: post(self.port, "/v1/traces", traces(1000, name=big))[0] == 200, seconds=2, what="room")
            if os.environ.get("WEIR_FIGURES"):
                print("64 MiB full: %d refused, each within %.1f ms; taken again %.1f ms after there is room" % (len(refusals), max(refusals) * 1000, (time.monotonic() - begun) * 1000))
            accepted.append(1000)
            weir.signal(signal.SIGKILL)
        self.assertEqual(self.queue("check", self.data)[0], 0)
        self.sink.answer = lambda path, body: (200, {})
        with self.weir() as weir:
            wait_for(lambda: len(self.sink.requests) >= len(accepted), seconds=60, what="delivery")
            self.assertLessEqual(set(accepted), set(ids(self.sink)))
            weir.stop()


if __name__ == "__main__":
    unittest.main()
