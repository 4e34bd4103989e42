"""The count connector counts random telemetry alike in both programs."""
import json, unittest

from peer import *

SETTINGS = {
    "traces": [
        {}, {"spans": {"all": {}, "n": {"description": "with n", "conditions": ['attributes["n"] != nil', 'span.name == "a"']}}},
        {"spans": {"by": {"attributes": [{"key": "n", "default_value": "none"}, {"key": "service.name"}]}, "of texts": {"attributes": [{"key": "user.id"}]}}},
        {"spanevents": {"by": {"attributes": [{"key": "k.1", "default_value": 5}]}, "named": {"conditions": ['IsMatch(name, "a")', "span.kind == SPAN_KIND_SERVER"]}}}],
    "metrics": [
        {}, {"metrics": {"sums": {"conditions": ["type == METRIC_DATA_TYPE_SUM"]}, "with n": {"conditions": ['HasAttrKeyOnDatapoint("n")']}}},
        {"datapoints": {"by": {"attributes": [{"key": "n", "default_value": "none"}]}, "flagged": {"conditions": ["flags == 1", 'metric.name == "a"']}}}],
    "logs": [
        {}, {"logs": {"grave": {"conditions": ["severity_number >= SEVERITY_NUMBER_WARN"]}, "by": {"attributes": [{"key": "k.2", "default_value": True}]}}}],
}


class Count(Differential):
    def test_random_telemetry(self):
        for signal, all_settings in SETTINGS.items():
            for seed, settings in enumerate(all_settings):
                with self.subTest(signal=signal, settings=settings):
                    config = RECEIVER + "connectors: {count: %s}\n" % json.dumps(settings) + EXPORTER + """
service:
  pipelines:
    %s/in: {receivers: [otlp], exporters: [count]}
    metrics/counts: {receivers: [count], exporters: [otlphttp]}
""" % signal
                    reference = self.same(config, [(signal, Telemetry(seed, special=False).request(signal, 80))], drop_times=True)
                    self.assertGreater(len(reference.records()), 2)


if __name__ == "__main__":
    unittest.main()
