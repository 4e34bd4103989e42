"""A writer and three members of a consumer group while members are killed, leave and come back, the writer is killed and brokers restart:
every span that was acknowledged arrives, and none twice unless something happened in between.

With WEIR_ALL only, or for as long as WEIR_TORTURE_SECONDS says. The brokers are librdkafka's mock; with WEIR_ALL a real Kafka, too."""
import bisect, os, random, sys, unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import *
import kafka

SECONDS = float(os.environ.get("WEIR_TORTURE_SECONDS", "15"))
SEED = int(os.environ.get("WEIR_SEED", "1"))
PARTITIONS, MEMBERS, SPANS = 6, 3, 10

WRITER = """
receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:%(port)d"}}}}
exporters:
  kafka: {brokers: ["%(brokers)s"], sending_queue: {enabled: false}, timeout: 5s, producer: {required_acks: all}, traces: {topic: torture}, partition_traces_by_id: true}
service: {telemetry: {metrics: {level: none}}, pipelines: {traces: {receivers: [otlp], exporters: [kafka]}}}
"""
READER = """
receivers:
  kafka: {brokers: ["%(brokers)s"], group_id: torture, initial_offset: earliest, traces: {topics: [torture]}, session_timeout: 6s, heartbeat_interval: 500ms, autocommit: {interval: 200ms},
          error_backoff: {initial_interval: 100ms, max_interval: 500ms}}
exporters:
  otlphttp: {endpoint: "http://127.0.0.1:%(sink)d/%(member)d", encoding: json, compression: none, sending_queue: {enabled: false}}
service: {telemetry: {metrics: {level: none}}, pipelines: {traces: {receivers: [kafka], exporters: [otlphttp]}}}
"""


class Arrivals:
    """When and at which member each span arrived."""

    def __init__(self):
        self.sink, self.spans = Sink(), {}
        self.sink.answer = self.take

    def take(self, path, body):
        now, member = time.monotonic(), int(path.split("/")[1])
        ids = [int(span["traceId"], 16) for group in json.loads(body)["resourceSpans"] for scope in group["scopeSpans"] for span in scope["spans"]]
        with self.sink.lock:
            for i in ids:
                self.spans.setdefault(i, []).append((now, member))
        return 204, {}  # nothing is kept of it

    def missing(self, acknowledged):
        with self.sink.lock:
            return acknowledged - self.spans.keys()


@unittest.skipUnless(os.environ.get("WEIR_ALL") == "1" or "WEIR_TORTURE_SECONDS" in os.environ, "takes half a minute: WEIR_ALL=1 or WEIR_TORTURE_SECONDS")
class Torture(unittest.TestCase):
    start_brokers = kafka.Brokers

    def setUp(self):
        self.brokers, self.arrivals, self.port = self.start_brokers(topics=[("torture", PARTITIONS)]), Arrivals(), free_port()
        self.addCleanup(self.brokers.close)
        self.addCleanup(self.arrivals.sink.close)
        self.random, self.ended = random.Random(SEED), threading.Event()
        self.acknowledged, self.events, self.members = set(), [], [None] * MEMBERS

    def start_writer(self):
        self.writer = Weir(WRITER % {"port": self.port, "brokers": self.brokers.addresses}, ready=[self.port])

    def start_member(self, i):
        self.members[i] = Weir(READER % {"brokers": self.brokers.addresses, "sink": self.arrivals.sink.port, "member": i})
        self.event("member %d starts" % i)

    def event(self, what):
        self.events.append((time.monotonic(), what))

    def write(self):
        """One request after another; what is not acknowledged does not count."""
        first = 0
        while not self.ended.wait(0.02):
            ids = range(first, first + SPANS)
            first += SPANS
            try:
                if post(self.port, "/v1/traces", traces(*ids), timeout=30)[0] == 200:
                    self.acknowledged.update(i + 1 for i in ids)
            except OSError:
                pass  # the writer was killed

    def disturb(self):
        kind, i = self.random.randrange(8), self.random.randrange(MEMBERS)
        if kind == 0:
            self.event("brokers restart")
            self.brokers.restart()
            self.event("brokers are back")
        elif kind == 1:
            self.event("the writer is killed")
            with self.writer:
                self.writer.process.kill()
                self.writer.process.wait()
            self.start_writer()
        elif self.members[i] is None:
            self.start_member(i)
        elif sum(m is not None for m in self.members) > 1:
            self.event("member %d %s" % (i, "is killed" if kind < 5 else "leaves"))
            with self.members[i] as member:
                member.process.kill() if kind < 5 else self.assertEqual(member.stop(), 0, member.output()[-3000:])
            self.members[i] = None

    def test_nothing_is_lost(self):
        self.start_writer()
        for i in range(MEMBERS):
            self.start_member(i)
        load = threading.Thread(target=self.write)
        load.start()
        try:
            wait_for(lambda: self.arrivals.spans, 60, "a first span")
            end = time.monotonic() + SECONDS
            while time.monotonic() < end:
                time.sleep(self.random.uniform(0.2, 2 if SECONDS < 60 else 6))
                self.disturb()
            self.ended.set()
            load.join()
            wait_for(lambda: not self.arrivals.missing(self.acknowledged), 120, "all acknowledged spans")
        finally:
            self.ended.set()
            load.join()
            for process in [self.writer, *self.members]:
                if process is not None:
                    process.__exit__()
        self.judge()

    def judge(self):
        twice = {i: when for i, when in self.arrivals.spans.items() if len(when) > 1}
        print("\n%d spans acknowledged, %d arrived, %d of them more than once, %d events (seed %d)" % (len(self.acknowledged), len(self.arrivals.spans), len(twice), len(self.events), SEED), flush=True)
        self.assertGreater(len(self.acknowledged), 100)
        times = [when for when, _ in self.events]
        # A member that dies or leaves has 200 ms of settled spans that are not told to the brokers, and what is under way; its session ends
        # 6 s later. Without any event shortly before the first arrival or until the second one nothing may come twice.
        for i, arrivals in twice.items():
            at = bisect.bisect(times, arrivals[0][0] - 10)
            self.assertTrue(at < len(times) and times[at] < arrivals[-1][0], "span %d came at %s, events at %s" % (i, arrivals, times))


@unittest.skipUnless(os.environ.get("WEIR_ALL") == "1" and kafka.installed(), "a real Kafka needs WEIR_ALL=1, Java and Maven: tools/setup --oracle")
class RealTorture(Torture):
    start_brokers = kafka.RealBroker


if __name__ == "__main__":
    unittest.main()
