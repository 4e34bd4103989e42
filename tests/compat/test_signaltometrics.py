"""The signaltometrics connector makes the same metrics of random telemetry as the Go collector's, but for the id of the instance."""
import json, unittest

from peer import *

RESOURCE = [{"key": "service.name"}, {"key": "n", "default_value": "none"}]
SUM = {"sum": {"value": "1", "monotonic": True}}
SETTINGS = {
    "traces": {"spans": [
        {"name": "spans", "description": "All of them.", **SUM},
        {"name": "by", "unit": "1", "attributes": [{"key": "n"}, {"key": "user.id", "optional": True}], "include_resource_attributes": RESOURCE, **SUM},
        {"name": "with default", "attributes": [{"key": "k.1", "default_value": "none"}], "sum": {"value": "0.5"}},
        {"name": "slow", "conditions": ["span.kind == SPAN_KIND_SERVER", 'attributes["n"] != nil'], "gauge": {"value": "Double(span.kind)"}, "include_resource_attributes": RESOURCE[:1]},
        {"name": "buckets", "histogram": {"buckets": [1, 2, 3], "count": "2", "value": "span.kind"}, "include_resource_attributes": RESOURCE},
        {"name": "standard", "histogram": {"value": "Len(span.name)"}, "attributes": [{"key": "http.method", "default_value": "?"}]},
        {"name": "adjusted", "sum": {"value": "AdjustedCount()"}},
        {"name": "exponential", "exponential_histogram": {"max_size": 8, "value": "Len(span.name)"}}]},
    "metrics": {"datapoints": [
        {"name": "points", **SUM}, {"name": "by", "attributes": [{"key": "n", "default_value": 0}], "include_resource_attributes": RESOURCE, **SUM},
        {"name": "of sums", "conditions": ["metric.type == METRIC_DATA_TYPE_SUM"], **SUM}]},
    "logs": {"logs": [
        {"name": "logs", **SUM}, {"name": "grave", "conditions": ["log.severity_number >= SEVERITY_NUMBER_WARN"], "include_resource_attributes": RESOURCE, **SUM},
        {"name": "severity", "histogram": {"value": "log.severity_number", "buckets": [4, 8, 12, 16]}, "attributes": [{"key": "k.2", "optional": True}]}]},
}


class SignalToMetrics(Differential):
    def test_random_telemetry(self):
        for signal, settings in SETTINGS.items():
            for seed in range(3):
                with self.subTest(signal=signal, seed=seed):
                    config = RECEIVER + "connectors: {signaltometrics: %s}\n" % json.dumps({**settings, "error_mode": "ignore"}) + EXPORTER + """
service:
  pipelines:
    %s/in: {receivers: [otlp], exporters: [signaltometrics]}
    metrics/made: {receivers: [signaltometrics], exporters: [otlphttp]}
""" % signal
                    reference = self.same(config, [(signal, Telemetry(seed, special=False).request(signal, 80))], drop_times=True,
                                          ignore=[r"^resource\.attributes\[signal_to_metrics\.service\."])
                    self.assertGreater(len(reference.records()), 2)


if __name__ == "__main__":
    unittest.main()
