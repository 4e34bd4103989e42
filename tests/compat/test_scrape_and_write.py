"""Random expositions go from targets to remote write in both programs: the same series with the same values.

WEIR_SCRAPE_SEEDS=FIRST:END: which expositions."""
import unittest

from peer import *
from test_prometheus_exporters import Backend, described
from test_scrape import CONTENT_TYPES, RULES, TYPES, Exposition, Messages, Target

SEEDS = range(*map(int, os.environ.get("WEIR_SCRAPE_SEEDS", "0:6").split(":")))
STRATEGIES = ["UnderscoreEscapingWithSuffixes", "UnderscoreEscapingWithoutSuffixes"]


class ScrapeAndWrite(Differential):
    def series(self, program, seed):
        """Labels -> what came for them, without times."""
        kind = TYPES[seed % 3]
        target = Target(Messages(seed).bytes() if kind == "protobuf" else Exposition(seed, kind == "openmetrics").text().encode(), CONTENT_TYPES[kind])
        backend = Backend()
        job = {"job_name": "j", "scrape_interval": "400ms", "honor_labels": seed % 4 == 0, "scrape_native_histograms": seed % 2 == 0, "convert_classic_histograms_to_nhcb": seed % 10 == 3, "metric_relabel_configs": RULES[seed // 3 % len(RULES)],
               "static_configs": [{"targets": ["127.0.0.1:%d" % target.port], "labels": {"zone": "z"}}], "relabel_configs": [{"target_label": "instance", "replacement": "here"}, {"source_labels": ["__address__"], "regex": ".*", "target_label": "port", "replacement": "p"}]}
        written = {"endpoint": "http://127.0.0.1:%d/api/v1/write" % backend.port, "send_metadata": seed % 3 == 1, "translation_strategy": STRATEGIES[seed % 2], "resource_to_telemetry_conversion": {"enabled": seed % 5 == 1}, "target_info": {"enabled": seed % 7 != 2},
                   "external_labels": {"replica": "1"} if seed % 4 == 2 else {}}
        config = json.dumps({"receivers": {"prometheus": {"config": {"scrape_configs": [job]}, "trim_metric_suffixes": seed % 6 == 5}}, "exporters": {"prometheusremotewrite": written}, "service": {"pipelines": {"metrics": {"receivers": ["prometheus"], "exporters": ["prometheusremotewrite"]}}}})
        run(program, config, [], feed=lambda places, requests: [], until=lambda sink: sum(len(v) for k, v in list(backend.series.items()) if dict(k).get("__name__", "").startswith("up")) > 2)
        backend.server.shutdown()
        backend.server.server_close()
        target.server.shutdown()
        target.server.server_close()
        out = {}
        for key, values in described(backend.series).items():
            if "scrape_duration" in key:
                continue
            key = key.replace('server_port="%d"' % target.port, "server_port").replace(', otel_scope_version="0.158.0"', "")  # of the program itself, there
            # Series that are new are so in the first scrape alone, and how many there were is chance.
            out[key] = sorted({re.sub(r"\d{13}", lambda m: m.group(0) if m.group(0) < "1750000000000" else "now", value) for value in values})
        return out

    def test_random_expositions(self):
        for seed in SEEDS:
            with self.subTest(seed=seed):
                reference, ours = self.series(otelcol(), seed), self.series(binary(), seed)
                lines = ["%s\n  otelcol %s\n  weir    %s" % (key, reference.get(key), ours.get(key)) for key in sorted(reference.keys() | ours.keys()) if reference.get(key) != ours.get(key)]
                if lines:
                    self.fail("%d of %d series\n%s" % (len(lines), len(reference), "\n".join(lines[:12])))


if __name__ == "__main__":
    unittest.main()
