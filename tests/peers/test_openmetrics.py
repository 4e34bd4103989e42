"""The parser cases of the OpenMetrics project: what shall parse is scraped, what shall not makes `up` 0.

The cases are not kept here: `tools/peer/suites` gets them. README.md says which are missed, and why; what is there and passes is a
failure as well, so that it stays right."""
import http.server, json, os, sys, threading, unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import *

CASES = os.path.join(ROOT, "build", "peer", "suites", "OpenMetrics", "tests", "testdata", "parsers")


def cases():
    """Name of a case -> (text, shall parse)."""
    out = {}
    for name in sorted(os.listdir(CASES)):
        with open(os.path.join(CASES, name, "test.json")) as f:
            facts = json.load(f)
        with open(os.path.join(CASES, name, facts["file"]), "rb") as f:
            out[name] = (f.read(), facts["shouldParse"])
    return out


class Targets:
    """Serves the text of a case at a path of its name."""

    def __init__(self, texts):
        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *args):
                pass

            def do_GET(self):
                body = texts[self.path[1:]]
                self.send_response(200)
                self.send_header("Content-Type", "application/openmetrics-text; version=1.0.0; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 512  # all targets at once

        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def scraped(program, texts):
    """Name -> whether `up` was 1."""
    targets, sink = Targets(texts), Sink()
    static = [{"targets": ["127.0.0.1:%d" % targets.port], "labels": {"__metrics_path__": "/" + name, "instance": name}} for name in texts]
    job = {"job_name": "j", "scrape_interval": "2s", "static_configs": static}
    config = {"receivers": {"prometheus": {"config": {"scrape_configs": [job]}}}, "exporters": {"otlphttp": {"endpoint": "http://127.0.0.1:%d" % sink.port, "encoding": "json", "compression": "none"}},
              "service": {"telemetry": {"metrics": {"level": "none"}}, "pipelines": {"metrics": {"receivers": ["prometheus"], "exporters": ["otlphttp"]}}}}
    found = {}

    def look():
        for request in sink.json():
            for group in request["resourceMetrics"]:
                name = next(a["value"]["stringValue"] for a in group["resource"]["attributes"] if a["key"] == "service.instance.id")
                for scope in group["scopeMetrics"]:
                    for metric in scope["metrics"]:
                        if metric["name"] == "up":
                            found[name] = metric["gauge"]["dataPoints"][0].get("asDouble") == 1
        return len(found) == len(texts)

    try:
        with Collector(program, json.dumps(config)) as collector:
            wait_for(look, 30, "all targets were scraped")
            collector.stop()
    finally:
        sink.close()
        targets.server.shutdown()
    return found


@unittest.skipUnless(os.path.isdir(CASES), "no parser cases of OpenMetrics: run tools/peer/suites")
class OpenMetrics(unittest.TestCase):
    def test_parser_cases(self):
        known = cases()
        found = scraped(binary(), {name: text for name, (text, _) in known.items()})
        missed = {name for name, (_, shall) in known.items() if found[name] != shall}
        print("\nOpenMetrics: %d of %d cases" % (len(known) - len(missed), len(known)))
        self.assertEqual(missed, set(MISSED), "missed more or less than the page says")


def numbered(name, *numbers):
    return ["%s_%d" % (name, number) for number in numbers]


# All are texts that shall be refused, and that Prometheus and the Go collector take: refusing them would lose targets that are scraped today.
MISSED = {
    *numbered("bad_clashing_names", 0, 1, 2),
    *numbered("bad_counter_values", 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19),
    "bad_exemplar_complex_chars",
    *numbered("bad_exemplars", 6),
    *numbered("bad_exemplars_on_unallowed_metric_types", 0, 1, 2),
    *numbered("bad_exemplars_on_unallowed_samples", 0, 1, 2, 3),
    *numbered("bad_grouping_or_ordering", 0, 2, 3, 4, 5, 6, 7, 8, 9, 10),
    *numbered("bad_histograms", 0, 1, 2, 3, 6, 7, 8, 9, 10, 11, 12, 13, 14),
    *numbered("bad_info_and_stateset_values", 0, 1),
    *numbered("bad_metadata_in_wrong_place", 0, 1, 2),
    *numbered("bad_missing_or_extra_commas", 2),
    *numbered("bad_missing_or_invalid_labels_for_a_type", 0, 1, 2, 3, 4, 5, 6, 7),
    "bad_no_eof",
    *numbered("bad_repeated_metadata", 0, 1, 3),
    *numbered("bad_stateset_info_values", 0, 1, 2, 3),
    *numbered("bad_unit", 6, 7),
}

if __name__ == "__main__":
    unittest.main()
