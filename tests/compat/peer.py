"""One configuration in weir and in the Go collector: the same telemetry in, what comes out compared.

A configuration is a template: `@in@` becomes the port that requests are sent to (OTLP/HTTP), `@sink@` that of a backend which takes
OTLP/HTTP with `encoding: json`, any other `@name@` a free port. The Go collector is $WEIR_OTELCOL or what tools/peer/build made.

    class Mine(Differential):
        def test_something(self):
            processors = "  resource: {attributes: [{key: zone, value: a, action: upsert}]}"
            self.same(template("traces", processors, chain=["resource"]), [("traces", Telemetry(1).traces())])
"""
import os, re, signal, sys, unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
from compare import *
from generate import *
from harness import *


def otelcol():
    """Path of the Go collector, "" when there is none."""
    return next((path for path in (os.environ.get("WEIR_OTELCOL", ""), os.path.join(ROOT, "build", "peer", "otelcol")) if path and os.path.exists(path)), "")


class Places:
    """Numbers for the `@name@` of a template, the same for the same name."""

    def __init__(self, **known):
        self.ports = dict(known)

    def __getitem__(self, name):
        if name not in self.ports:
            self.ports[name] = free_port()
        return self.ports[name]

    def fill(self, text):
        return re.sub(r"@([a-z0-9_]+)@", lambda match: str(self[match.group(1)]), text)


class Outcome:
    """What came out of a run: `requests` (OTLP JSON, as sent), `answers` (status of each request sent in), `log`."""

    def __init__(self, requests, answers, log):
        self.requests, self.answers, self.log = requests, answers, log

    def records(self, **options):
        return records(self.requests, **options)


def send(places, requests):
    """Posts (signal, OTLP JSON request) to `@in@`; a third member, if there, is the name of another port. The statuses."""
    return [post(places[rest[0] if rest else "in"], "/v1/" + signal, request)[0] for signal, request, *rest in requests]


def run(*arguments, **options):
    """run_once(), again when the program was ended before it listened to signals: the Go collector opens its ports a moment earlier."""
    for _ in range(5):
        try:
            return run_once(*arguments, **options)
        except EndedEarly as e:
            last = e
    raise last


class EndedEarly(AssertionError):
    pass


def run_once(program, config, requests, until=None, seconds=30, args=(), env=None, feed=send):
    """Starts `program` with the template, feeds it, waits until `until(sink)` holds, ends it with SIGTERM (which drains) and
    gives what it sent. `feed(places, requests)` replaces the way the requests are sent."""
    sink = Sink()
    places = Places(sink=sink.port)
    text = places.fill(config)
    quiet = [] if re.search(r"(?m)^  telemetry:", config) else ["--config=yaml:service::telemetry::metrics::level: none"]
    ready = [places["in"]] if "@in@" in config else []
    try:
        with Collector(program, text, args=[*quiet, *args], ready=ready, env=env) as collector:
            answers = feed(places, requests)
            if until:
                try:
                    wait_for(lambda: until(sink), seconds)
                except AssertionError as e:
                    raise AssertionError("%s: %s; %d requests came out\n%s" % (collector.name, e, len(sink.requests), collector.output()[-2000:]))
            code = collector.stop()
            if code != 0:
                raise (EndedEarly if code == -signal.SIGTERM else AssertionError)("%s: exit status %s\n%s" % (collector.name, code, collector.output()[-2000:]))
            return Outcome(sink.json(), answers, collector.output())
    finally:
        sink.close()


def template(signals, processors="", chain=(), connectors="", exporter="", extra=""):
    """A configuration with a pipeline for each of `signals`: OTLP/HTTP on `@in@`, the processors, OTLP/HTTP JSON to `@sink@`.
    `processors`, `connectors` and `exporter` are YAML of two spaces' indent and more, as they stand below their section."""
    signals = [signals] if isinstance(signals, str) else signals
    pipelines = "".join("    %s: {receivers: [otlp], processors: [%s], exporters: [otlphttp]}\n" % (signal, ", ".join(chain)) for signal in signals)
    sections = "".join("%s:\n%s\n" % (name, text.rstrip("\n")) for name, text in (("processors", processors), ("connectors", connectors)) if text)
    return RECEIVER + sections + EXPORTER + exporter + extra + "service:\n  pipelines:\n" + pipelines


RECEIVER = """
receivers:
  otlp:
    protocols:
      http: {endpoint: "127.0.0.1:@in@"}
"""
EXPORTER = """
exporters:
  otlphttp:
    endpoint: http://127.0.0.1:@sink@
    encoding: json
    compression: none
"""


@unittest.skipUnless(otelcol(), "no Go collector: set WEIR_OTELCOL or run tools/peer/build")
class Differential(unittest.TestCase):
    """Base of the tests that compare both programs."""
    maxDiff = None

    def both(self, config, requests, **options):
        """The outcomes of the Go collector and of weir."""
        return run(otelcol(), config, requests, **options), run(binary(), config, requests, **options)

    def same(self, config, requests, drop_times=False, ignore=(), keep=None, answers=True, **options):
        """Both programs give the same records and the same answers; the Go collector's outcome, for more checks."""
        reference, ours = self.both(config, requests, **options)
        view = {"drop_times": drop_times, "ignore": ignore, "keep": keep}
        found = difference(reference.records(**view), ours.records(**view))
        if found:
            self.fail(found)
        if answers:
            self.assertEqual(reference.answers, ours.answers)
        return reference
