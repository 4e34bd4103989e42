"""Signals, reloads, deaths and bad surroundings: what was answered OK is delivered or its loss is said."""
import itertools, os, resource, signal, sys, threading, unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import *


class Traffic(threading.Thread):
    """Sends requests of one span each until stopped. Every request is a connection of its own, or all share one."""

    def __init__(self, port, first, keep_alive):
        super().__init__(daemon=True)
        self.port, self.first, self.keep_alive = port, first, keep_alive
        self.accepted, self.refused, self.errors, self.ended = [], [], [], threading.Event()
        self.start()

    def run(self):
        connection = None
        for i in itertools.count(self.first):
            if self.ended.is_set():
                return connection and connection.close()
            body = json.dumps(traces(i)).encode()
            try:
                connection = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
                connection.request("POST", "/v1/traces", body, {"Content-Type": "application/json"})
                response = connection.getresponse()
                response.read()
                (self.accepted if response.status == 200 else self.refused).append(i)
                if not self.keep_alive or response.will_close:
                    connection = connection.close()
            except OSError as error:
                self.errors.append(repr(error))
                connection = connection.close()

    def stop(self):
        self.ended.set()
        self.join()


class Knocking(threading.Thread):
    """Connects to ports again and again; keeps what was refused."""

    def __init__(self, *ports):
        super().__init__(daemon=True)
        self.ports, self.refused, self.knocks, self.ended = ports, [], 0, threading.Event()
        self.start()

    def run(self):
        while not self.ended.wait(0.002):
            for port in self.ports:
                try:
                    socket.create_connection(("127.0.0.1", port), 10).close()
                    self.knocks += 1
                except OSError as error:
                    self.refused.append((port, repr(error)))

    def stop(self):
        self.ended.set()
        self.join()


class Lifecycle(unittest.TestCase):
    def setUp(self):
        self.sink, self.port = Sink(), free_port()
        self.addCleanup(self.sink.close)

    def arrived(self):
        return {int(span["traceId"], 16) - 1 for span in self.sink.spans()}

    def test_reloads_under_traffic_refuse_no_connection_and_lose_nothing(self):
        health, own = free_port(), free_port()

        def config(timeout):
            text = pipeline(self.port, self.sink.port, processors="  batch: {timeout: %dms}\n" % timeout, chain="batch",
                            telemetry="metrics: {address: '127.0.0.1:%d'}" % own)
            return text.replace("service:\n", "extensions: {health_check: {endpoint: '127.0.0.1:%d'}}\nservice:\n  extensions: [health_check]\n" % health)
        with Weir(config(10), ready=[self.port, health, own]) as weir:
            knocking = Knocking(health, own)
            senders = [Traffic(self.port, n * 1_000_000, keep_alive=n % 2 == 1) for n in range(4)]
            for round in range(1, 6):
                before = min(len(s.accepted) for s in senders)
                wait_for(lambda: min(len(s.accepted) for s in senders) > before + 5, what="traffic")
                weir.write(config(10 + round))
                weir.signal(signal.SIGHUP)
                wait_for(lambda: weir.output().count("Everything is ready") == round + 1, what="reload %d" % round)
            weir.write("receivers: {otlp: {protokols: {}}}")
            weir.signal(signal.SIGHUP)
            wait_for(lambda: "the old one goes on" in weir.output(), what="a refused reload")
            before = min(len(s.accepted) for s in senders)
            wait_for(lambda: min(len(s.accepted) for s in senders) > before + 5, what="traffic on the old configuration")
            for other in [*senders, knocking]:
                other.stop()
            self.assertEqual(weir.stop(), 0)
        self.assertEqual(knocking.refused, [])
        self.assertGreater(knocking.knocks, 100)
        self.assertEqual([s.errors for s in senders], [[]] * 4)
        accepted = {i for s in senders for i in s.accepted}
        self.assertEqual(accepted - self.arrived(), set())

    def test_a_reload_to_a_taken_port_goes_back_to_the_old_plan(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            with Weir(pipeline(self.port, self.sink.port), ready=[self.port]) as weir:
                weir.write(pipeline(taken.getsockname()[1], self.sink.port))
                weir.signal(signal.SIGHUP)
                wait_for(lambda: "the old one goes on" in weir.output(), what="a failed reload")
                self.assertIn("in use", weir.output())
                self.assertEqual(post(self.port, "/v1/traces", traces(1))[0], 200)
                self.assertEqual(weir.stop(), 0)
        self.assertEqual(self.arrived(), {1})

    def test_a_reload_can_move_ports_and_components(self):
        other = free_port()
        with Weir(pipeline(self.port, self.sink.port), ready=[self.port]) as weir:
            weir.write(pipeline(other, self.sink.port, processors="  batch: {timeout: 10ms}\n", chain="batch"))
            weir.signal(signal.SIGHUP)
            wait_for(lambda: weir.output().count("Everything is ready") == 2)
            wait_for(lambda: not connectable(self.port), what="the old port closed")
            self.assertEqual(post(other, "/v1/traces", traces(2))[0], 200)
            self.assertEqual(weir.stop(), 0)
        self.assertEqual(self.arrived(), {2})

    def test_sigterm_under_traffic_loses_nothing(self):
        with Weir(pipeline(self.port, self.sink.port, processors="  batch: {timeout: 50ms}\n", chain="batch"), ready=[self.port]) as weir:
            senders = [Traffic(self.port, n * 1_000_000, keep_alive=n % 2 == 1) for n in range(4)]
            wait_for(lambda: min(len(s.accepted) for s in senders) > 20, what="traffic")
            self.assertEqual(weir.stop(), 0)
            for sender in senders:
                sender.stop()
        accepted = {i for s in senders for i in s.accepted}
        self.assertEqual(accepted - self.arrived(), set())

    def test_sigterm_with_a_dead_backend_says_what_is_lost(self):
        self.sink.answer = lambda path, body: (503, {})
        with Weir(pipeline(self.port, self.sink.port, exporter="    retry_on_failure: {max_elapsed_time: 2s, initial_interval: 500ms, max_interval: 1s}"),
                  ready=[self.port], args=["--data-dir", "none"]) as weir:
            self.assertEqual(post(self.port, "/v1/traces", traces(1, 2, 3))[0], 200)
            weir.stop()
            self.assertRegex(weir.output(), r'Dropping data.*"items": 3')

    def slow_backend(self, *args):
        """A weir whose backend refuses for now, with one request taken."""
        self.sink.answer = lambda path, body: (503, {})
        weir = Weir(pipeline(self.port, self.sink.port, exporter="    retry_on_failure: {max_elapsed_time: 0s, initial_interval: 100ms, max_interval: 100ms}"),
                    ready=[self.port], args=["--data-dir", "none", *args])
        self.assertEqual(post(self.port, "/v1/traces", traces(1, 2, 3))[0], 200)
        return weir

    def test_sigterm_refuses_connections_at_once_and_says_what_it_waits_for(self):
        with self.slow_backend() as weir:
            open_before = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            open_before.request("POST", "/v1/traces", json.dumps(traces(4)), {"Content-Type": "application/json"})
            open_before.getresponse().read()
            weir.signal(signal.SIGTERM)
            wait_for(lambda: not connectable(self.port), seconds=2, what="connections refused")
            self.assertIsNone(weir.process.poll())
            # Who is connected may still send, and hears that this was the last time.
            open_before.request("POST", "/v1/traces", json.dumps(traces(5)), {"Content-Type": "application/json"})
            answer = open_before.getresponse()
            self.assertEqual((answer.status, answer.getheader("Connection")), (200, "close"))
            wait_for(lambda: re.search(r'Waiting until this is sent.*"component": "otlphttp", "items": 5', weir.output()), what="a line about what is waited for")
            self.sink.answer = lambda path, body: (200, {})
            self.assertEqual(weir.process.wait(20), 0)
        self.assertEqual(self.arrived(), {1, 2, 3, 4, 5})

    def test_a_second_signal_ends_it_and_says_what_is_lost(self):
        with self.slow_backend() as weir:
            weir.signal(signal.SIGTERM)
            wait_for(lambda: not connectable(self.port), what="the first signal's work")
            self.assertIsNone(weir.process.poll())
            weir.signal(signal.SIGTERM)
            self.assertEqual(weir.process.wait(5), 1)
            self.assertRegex(weir.output(), r'Stopped before everything was delivered.*"dropped_items": 3')

    def test_the_time_for_stopping_is_a_setting(self):
        with self.slow_backend("--shutdown-timeout", "200ms") as weir:
            weir.signal(signal.SIGTERM)
            self.assertEqual(weir.process.wait(10), 1)
            self.assertRegex(weir.output(), r'Stopped before everything was delivered.*"dropped_items": 3')

    def test_a_reload_whose_second_port_is_taken_goes_back_to_the_old_plan(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            both = pipeline(self.port, self.sink.port).replace("      http:\n", "      grpc: {endpoint: '127.0.0.1:%d'}\n      http:\n" % free_port(), 1)
            with Weir(both, ready=[self.port]) as weir:
                weir.write(both.replace(":%d\n" % self.port, ":%d\n" % taken.getsockname()[1], 1))
                weir.signal(signal.SIGHUP)
                wait_for(lambda: "the old one goes on" in weir.output(), what="a failed reload")
                self.assertIn("in use", weir.output())
                self.assertEqual(post(self.port, "/v1/traces", traces(1))[0], 200)
                self.assertEqual(weir.stop(), 0)
        self.assertEqual(self.arrived(), {1})

    def test_kill_and_restart(self):
        config = pipeline(self.port, self.sink.port, exporter="    sending_queue: {enabled: false}")
        for life in range(3):
            with Weir(config, ready=[self.port]) as weir:
                sender = Traffic(self.port, life * 1_000_000, keep_alive=False)
                wait_for(lambda: len(sender.accepted) > 10, what="traffic")
                weir.signal(signal.SIGKILL)
                weir.process.wait()
                sender.stop()
            # Without a queue, OK means that the backend has it: not even a kill loses that.
            self.assertEqual(set(sender.accepted) - self.arrived(), set())


class Surroundings(unittest.TestCase):
    def start(self, config):
        """-> (exit code, what it said), of a weir that is to give up by itself."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "config.yaml")
            with open(path, "w") as f:
                f.write(config)
            done = subprocess.run([binary(), "--config", path], capture_output=True, text=True, timeout=30, cwd=folder)
            return done.returncode, done.stderr

    def file_pipeline(self, port, path, more=""):
        return """
receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:%d"}}}}
exporters: {file: {path: "%s"%s}}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {traces: {receivers: [otlp], exporters: [file]}}
""" % (port, path, more)

    def test_every_taken_port_is_an_error_that_names_it(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = "127.0.0.1:%d" % taken.getsockname()[1]
            base = "receivers: {nop: {}}\nexporters: {nop: {}}\n%s\nservice:\n  telemetry: {metrics: {%s}}\n%s\n  pipelines: {traces: {receivers: [nop], exporters: [nop]}}\n"
            for name in ("health_check", "zpages", "pprof"):
                code, text = self.start(base % ("extensions: {%s: {endpoint: '%s'}}" % (name, address), "level: none", "  extensions: [%s]" % name))
                self.assertEqual(code, 1, text)
                for part in (name, address, "in use"):
                    self.assertIn(part, text)
            code, text = self.start(base % ("", "address: '%s'" % address, ""))
            self.assertEqual(code, 1, text)
            for part in ("service::telemetry::metrics", address, "in use"):
                self.assertIn(part, text)

    def test_a_directory_that_is_not_there_or_not_writable(self):
        for path in ("/nowhere/at/all/traces", "/proc/traces"):
            code, text = self.start(self.file_pipeline(free_port(), path))
            self.assertEqual(code, 1, text)
            self.assertIn('exporter "file"', text)
            self.assertIn(path, text)
        code, text = self.start("""
receivers: {nop: {}}
exporters: {nop: {}}
extensions: {file_storage: {directory: /proc/nothing, create_directory: true}}
service: {extensions: [file_storage], telemetry: {metrics: {level: none}}, pipelines: {traces: {receivers: [nop], exporters: [nop]}}}
""")
        self.assertEqual(code, 1, text)
        self.assertIn("/proc/nothing", text)

    def test_a_full_disk_is_not_answered_ok(self):
        port = free_port()
        # A file may grow to 64 KiB, as if the disk had no more.
        limit = lambda: (signal.signal(signal.SIGXFSZ, signal.SIG_IGN), resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, 64 * 1024)))
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "config.yaml")
            with open(path, "w") as f:
                f.write(self.file_pipeline(port, os.path.join(folder, "traces")))
            process = subprocess.Popen([binary(), "--config", path], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=folder, preexec_fn=limit)
            self.addCleanup(process.kill)
            wait_for(lambda: connectable(port))
            statuses = {i: post(port, "/v1/traces", traces(i, filler="x", name="n" * 5000))[0] for i in range(40)}
            process.send_signal(signal.SIGTERM)
            errors = process.communicate(timeout=30)[1].decode()
            accepted = {i for i, status in statuses.items() if status == 200}
            self.assertTrue(accepted)
            self.assertLess(len(accepted), 40)
            self.assertLessEqual(set(statuses.values()), {200, 503, 500})
            with open(os.path.join(folder, "traces")) as f:
                text = f.read()
            kept = {i for i in range(40) if '"%032x"' % (i + 1) in text and text}
            self.assertEqual(accepted - kept, set())
            self.assertIn("traces", errors)


if __name__ == "__main__":
    unittest.main()
