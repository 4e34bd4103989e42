"""Settings of exporters, processors and receivers for metrics that are taken, and those that are refused, by both programs."""
import concurrent.futures, json, os, tempfile, unittest

from peer import *

WRITE = lambda **settings: ("exporter", "prometheusremotewrite", {"endpoint": "http://a:9/api/v1/write", **settings})
SERVE = lambda **settings: ("exporter", "prometheus", {"endpoint": "127.0.0.1:0", **settings})
SCRAPERS = lambda **scrapers: ("receiver", "hostmetrics", {"scrapers": scrapers})
HOST = lambda **settings: ("receiver", "hostmetrics", {"scrapers": {"cpu": {}}, **settings})
PROCESSOR = lambda name, **settings: ("processor", name, settings)
CHOICE = lambda kind="strict", **names: {"match_type": kind, **names}
TRANSFORM = lambda **transform: PROCESSOR("metricstransform", transforms=[transform])
OPERATION = lambda **operation: TRANSFORM(include="a", action="update", operations=[operation])
RULE = lambda **rule: PROCESSOR("metricsgeneration", rules=[{"name": "n", "type": "calculate", "metric1": "a", "metric2": "b", "operation": "add", **rule}])

CASES = [
    WRITE(), ("exporter", "prometheusremotewrite", {}), ("exporter", "prometheusremotewrite", {"endpoint": "a:9"}), ("exporter", "prometheusremotewrite", {"endpoint": ""}), WRITE(namespace="x"),
    WRITE(namespace="1-x"), WRITE(external_labels={"a": "b"}), WRITE(external_labels={"": "b"}), WRITE(external_labels={"a": ""}), WRITE(external_labels={"a-b": "c"}),
    WRITE(remote_write_queue={"enabled": False}), WRITE(remote_write_queue={"queue_size": -1}), WRITE(remote_write_queue={"queue_size": 0}), WRITE(remote_write_queue={"num_consumers": -1}),
    WRITE(remote_write_queue={"num_consumers": 0}), WRITE(remote_write_queue={"nope": 1}), WRITE(timeout="0s"), WRITE(timeout="-1s"), WRITE(max_batch_size_bytes=0), WRITE(max_batch_size_bytes=-1),
    WRITE(max_batch_request_parallelism=0), WRITE(max_batch_request_parallelism=5), WRITE(resource_to_telemetry_conversion={"enabled": True}),
    WRITE(resource_to_telemetry_conversion={"exclude_service_attributes": True}), WRITE(wal={"directory": "/tmp/x"}), WRITE(wal={}),
    WRITE(wal={"directory": "/tmp/x", "buffer_size": 10, "truncate_frequency": "1m"}), WRITE(target_info={"enabled": False}), WRITE(target_info={"nope": 1}), WRITE(disable_scope_info=True),
    WRITE(add_metric_suffixes=False), WRITE(translation_strategy="NoTranslation"), WRITE(translation_strategy="nope"), WRITE(translation_strategy="NoUTF8EscapingWithSuffixes"),
    WRITE(translation_strategy="NoTranslation", protobuf_message="io.prometheus.write.v2.Request"), WRITE(send_metadata=True), WRITE(protobuf_message="nope"),
    WRITE(protobuf_message="io.prometheus.write.v2.Request"), WRITE(protobuf_message="prometheus.WriteRequest"), WRITE(include_metadata_keys=["a"]), WRITE(include_metadata_keys=["a", "A"]),
    WRITE(include_metadata_keys=["User-Agent"]), WRITE(convert_explicit_histograms_to_nhcb=True), WRITE(export_created_metric={"enabled": True}), WRITE(headers={"A": "b"}),
    WRITE(headers={"Content-Encoding": "b"}), WRITE(headers={"X-Prometheus-Remote-Write-Version": "b"}), WRITE(compression="zstd"), WRITE(compression="none"), WRITE(compression="snappy"),
    WRITE(compression="gzip"), WRITE(tls={"insecure": True}), WRITE(tls={"ca_file": "/nope"}), WRITE(tls={"min_version": "9"}), WRITE(auth={"authenticator": "nope"}),
    WRITE(retry_on_failure={"enabled": False}), WRITE(retry_on_failure={"initial_interval": "-1s"}), WRITE(retry_on_failure={"max_elapsed_time": "1s", "max_interval": "5s"}),
    WRITE(retry_on_failure={"randomization_factor": 2}), WRITE(retry_on_failure={"multiplier": -1}), WRITE(sending_queue={}), WRITE(nope=1), WRITE(proxy_url="::"), WRITE(read_buffer_size=10), SERVE(),
    ("exporter", "prometheus", {}), SERVE(namespace="a"), SERVE(const_labels={"a": "b"}), SERVE(const_labels={"a-b": "c"}), SERVE(send_timestamps=True), SERVE(metric_expiration="1m"),
    SERVE(metric_expiration="-1m"), SERVE(metric_expiration="0s"), SERVE(enable_open_metrics=True), SERVE(add_metric_suffixes=False), SERVE(without_scope_info=True),
    SERVE(translation_strategy="NoTranslation"), SERVE(translation_strategy="x"), SERVE(resource_to_telemetry_conversion={"enabled": True}), SERVE(tls={"cert_file": "/nope", "key_file": "/nope"}),
    SERVE(nope=1), SERVE(sending_queue={"enabled": True}), SERVE(sending_queue={"queue_size": 0}), SERVE(cors={"allowed_origins": ["*"]}), ("exporter", "prometheus", {"endpoint": "nope"}),
    ("receiver", "hostmetrics", {}), SCRAPERS(), SCRAPERS(cpu={}), SCRAPERS(cpu=None), SCRAPERS(nope={}), SCRAPERS(cpu={"nope": 1}), SCRAPERS(cpu={"metrics": {"system.cpu.time": {"enabled": False}}}),
    SCRAPERS(cpu={"metrics": {"nope": {"enabled": True}}}), SCRAPERS(cpu={"metrics": {"system.disk.io": {"enabled": True}}}), SCRAPERS(disk={"include": CHOICE(devices=["a"])}),
    SCRAPERS(disk={"include": {"devices": ["a"]}}), SCRAPERS(disk={"include": CHOICE("nope", devices=["a"])}), SCRAPERS(disk={"include": CHOICE("regexp", devices=["("])}), SCRAPERS(disk={"include": CHOICE(interfaces=["a"])}),
    SCRAPERS(disk={"include": CHOICE()}), SCRAPERS(disk={"include": CHOICE(devices=[])}), SCRAPERS(network={"exclude": CHOICE(interfaces=["a"])}), SCRAPERS(filesystem={"exclude_mount_points": CHOICE(mount_points=["/"])}),
    SCRAPERS(filesystem={"exclude_mount_points": CHOICE(fs_types=["/"])}), SCRAPERS(filesystem={"include_fs_types": CHOICE("regexp", fs_types=["*"])}), SCRAPERS(filesystem={"include_virtual_filesystems": True}),
    SCRAPERS(load={"cpu_average": True}), SCRAPERS(process={"include": CHOICE(names=["a"])}), SCRAPERS(process={"mute_process_all_errors": True, "mute_process_user_error": True}),
    SCRAPERS(process={"scrape_process_delay": "1s"}), SCRAPERS(process={"resource_attributes": {"process.pid": {"enabled": False}}}), SCRAPERS(process={"resource_attributes": {"nope": {"enabled": False}}}),
    SCRAPERS(process={"avoid_selected_errors": True}), SCRAPERS(nfs={}), SCRAPERS(system={}), SCRAPERS(paging={}), SCRAPERS(processes={}), HOST(collection_interval="0s"), HOST(collection_interval="-1s"),
    HOST(collection_interval="10ms"), HOST(initial_delay="-1s"), HOST(timeout="1s"), HOST(root_path="/"), HOST(root_path="/nope"), HOST(metadata_collection_interval="1m"), HOST(nope=1),
    SCRAPERS(cpu={"metrics": {"system.cpu.time": {"attributes": ["cpu"]}}}), SCRAPERS(cpu={"metrics": {"system.cpu.time": {"attributes": ["nope"]}}}),
    SCRAPERS(cpu={"metrics": {"system.cpu.time": {"aggregation_strategy": "nope"}}}), SCRAPERS(cpu={"metrics": {"system.cpu.time": {"aggregation_strategy": "sum"}}}), PROCESSOR("cumulativetodelta"),
    PROCESSOR("cumulativetodelta", include={"metrics": ["a"], "match_type": "strict"}), PROCESSOR("cumulativetodelta", include={"metrics": ["a"]}), PROCESSOR("cumulativetodelta", include={"match_type": "strict"}),
    PROCESSOR("cumulativetodelta", include={"metrics": ["("], "match_type": "regexp"}), PROCESSOR("cumulativetodelta", include={"metrics": ["a"], "match_type": "x"}),
    PROCESSOR("cumulativetodelta", include={"metric_types": ["sum"]}), PROCESSOR("cumulativetodelta", include={"metric_types": ["gauge"]}), PROCESSOR("cumulativetodelta", include={"metric_types": ["SUM"]}),
    PROCESSOR("cumulativetodelta", exclude={"metric_types": ["x"]}), PROCESSOR("cumulativetodelta", max_staleness="1h"), PROCESSOR("cumulativetodelta", max_staleness="-1h"),
    PROCESSOR("cumulativetodelta", initial_value="keep"), PROCESSOR("cumulativetodelta", initial_value="x"), PROCESSOR("cumulativetodelta", nope=1),
    PROCESSOR("cumulativetodelta", include={"metrics": ["a"], "match_type": "strict"}, exclude={"metrics": ["a"], "match_type": "strict"}), PROCESSOR("cumulativetodelta", metrics=["a"]),
    PROCESSOR("deltatocumulative"), PROCESSOR("deltatocumulative", max_stale="0s"), PROCESSOR("deltatocumulative", max_stale="-1s"), PROCESSOR("deltatocumulative", max_streams=0), PROCESSOR("deltatocumulative", max_streams=-1),
    PROCESSOR("deltatocumulative", nope=1), PROCESSOR("deltatorate"), PROCESSOR("deltatorate", metrics=[]), PROCESSOR("deltatorate", metrics=["a"]), PROCESSOR("interval"), PROCESSOR("interval", interval="0s"), PROCESSOR("interval", interval="-1s"),
    PROCESSOR("interval", interval="1s"), PROCESSOR("interval", pass_through={"gauge": True}), PROCESSOR("interval", pass_through={"x": True}), PROCESSOR("metricstarttime"), PROCESSOR("metricstarttime", strategy="x"),
    PROCESSOR("metricstarttime", strategy="start_time_metric"), PROCESSOR("metricstarttime", strategy="start_time_metric", start_time_metric_regex="("), PROCESSOR("metricstarttime", start_time_metric_regex="a"),
    PROCESSOR("metricstarttime", gc_interval="0s"), PROCESSOR("metricstarttime", gc_interval="-1s"), PROCESSOR("metricsgeneration"), PROCESSOR("metricsgeneration", rules=[]), RULE(), RULE(name=""), RULE(type=""), RULE(type="x"),
    RULE(metric1=""), RULE(metric2=""), RULE(operation="x"), RULE(operation=""), RULE(type="scale", scale_by=2), RULE(type="scale", scale_by=0), RULE(type="scale"), RULE(unit="By"), RULE(nope=1),
    PROCESSOR("metricstransform"), PROCESSOR("metricstransform", transforms=[]), TRANSFORM(include="a", action="update", new_name="b"), TRANSFORM(action="update", new_name="b"), TRANSFORM(include="a", new_name="b"),
    TRANSFORM(include="a", action="x"), TRANSFORM(include="a", action="insert"), TRANSFORM(include="a", action="insert", new_name="b"), TRANSFORM(include="(", match_type="regexp", action="update"),
    TRANSFORM(include="a", match_type="x", action="update"), TRANSFORM(include="a", action="combine"), TRANSFORM(include="a", match_type="regexp", action="combine", new_name="b"),
    TRANSFORM(include="a", match_type="regexp", action="combine", new_name="b", aggregation_type="sum"), TRANSFORM(include="a", match_type="regexp", action="combine", new_name="b", aggregation_type="x"),
    TRANSFORM(include="a", match_type="strict", action="combine", new_name="b", aggregation_type="sum"), TRANSFORM(include="a", match_type="regexp", action="combine", new_name="b", submatch_case="x"),
    TRANSFORM(include="a", match_type="regexp", action="combine", new_name="b", submatch_case="lower"), TRANSFORM(include="a", action="group"),
    TRANSFORM(include="a", action="group", group_resource_labels={"a": "b"}), TRANSFORM(include="a", action="update", experimental_match_labels={"a": "b"}),
    TRANSFORM(include="a", match_type="regexp", action="update", experimental_match_labels={"a": "("}), TRANSFORM(include="a", action="update"), OPERATION(action="add_label", new_label="a", new_value="b"),
    OPERATION(action="add_label", new_value="b"), OPERATION(action="add_label", new_label="a"), OPERATION(action="update_label", label="a"), OPERATION(action="update_label", new_label="a"),
    OPERATION(action="update_label", label="a", new_label="b"), OPERATION(action="update_label", label="a", value_actions=[{"value": "x", "new_value": "y"}]),
    OPERATION(action="update_label", label="a", value_actions=[{"new_value": "y"}]), OPERATION(action="delete_label_value", label="a"), OPERATION(action="delete_label_value", label_value="a"),
    OPERATION(action="delete_label_value", label="a", label_value="b"), OPERATION(action="toggle_scalar_data_type"), OPERATION(action="experimental_scale_value"),
    OPERATION(action="experimental_scale_value", experimental_scale=2), OPERATION(action="experimental_scale_value", experimental_scale=0), OPERATION(action="aggregate_labels", aggregation_type="sum"),
    OPERATION(action="aggregate_labels", label_set=["a"], aggregation_type="sum"), OPERATION(action="aggregate_labels", label_set=["a"], aggregation_type="x"),
    OPERATION(action="aggregate_labels", label_set=["a"]), OPERATION(action="aggregate_label_values", label="a", aggregated_values=["b"], new_value="c", aggregation_type="max"),
    OPERATION(action="aggregate_label_values", label="a", new_value="c", aggregation_type="max"), OPERATION(action="aggregate_label_values", label="a", aggregated_values=["b"], aggregation_type="max"),
    OPERATION(action="aggregate_label_values", aggregated_values=["b"], new_value="c", aggregation_type="max"), OPERATION(action="x"), OPERATION(), OPERATION(action="add_label", new_label="a", new_value="b", nope=1),
]
# Refused by weir alone: addresses, references and expressions that fail there when the process starts, times below zero, and unknown settings.
REFUSED = [("exporter", "prometheusremotewrite", {}), ("exporter", "prometheusremotewrite", {"endpoint": "a:9"}), WRITE(auth={"authenticator": "nope"}), WRITE(proxy_url="::"), SERVE(metric_expiration="-1m"), ("exporter", "prometheus", {"endpoint": "nope"}),
           HOST(collection_interval="10ms"), HOST(initial_delay="-1s"), HOST(nope=1), PROCESSOR("cumulativetodelta", include={"metrics": ["("], "match_type": "regexp"}), PROCESSOR("cumulativetodelta", include={"metrics": ["a"], "match_type": "x"}),
           PROCESSOR("cumulativetodelta", max_staleness="-1h"), RULE(operation="")]
# Taken by weir alone: 2.0 without a gate, what older releases had, zstd, sizes of a queue that is not there, and what another machine might have.
TAKEN = [WRITE(translation_strategy="NoTranslation", protobuf_message="io.prometheus.write.v2.Request"), WRITE(protobuf_message="io.prometheus.write.v2.Request"), WRITE(export_created_metric={"enabled": True}), WRITE(compression="zstd"),
         SERVE(sending_queue={"enabled": True}), SERVE(sending_queue={"queue_size": 0}), HOST(root_path="/nope")]


def config(kind, name, settings):
    made = {"receivers": {"otlp": {"protocols": {"grpc": {}}}}, "exporters": {"debug": {}}}
    pipeline = {"receivers": ["otlp"], "exporters": ["debug"], kind + "s": [name]}
    made[kind + "s"] = {name: settings}
    return json.dumps({**made, "service": {"pipelines": {"metrics": pipeline}}}).replace("$", "$$")


class Validation(Differential):
    def test_settings(self):
        rows = [case for case in CASES if case not in TAKEN + REFUSED]
        expected = [None] * len(rows) + [(True, False)] * len(TAKEN) + [(False, True)] * len(REFUSED)
        rows += TAKEN + REFUSED
        with tempfile.TemporaryDirectory() as folder:
            def said(n):
                path = os.path.join(folder, "%d.yaml" % n)
                with open(path, "w") as f:
                    f.write(config(*rows[n]))
                return [subprocess.run([program, "validate", "--config", path], capture_output=True, text=True) for program in (otelcol(), binary())]
            with concurrent.futures.ThreadPoolExecutor(2) as pool:
                for row, wanted, both in zip(rows, expected, pool.map(said, range(len(rows)))):
                    with self.subTest(settings=row):
                        refused = tuple(one.returncode != 0 for one in both)
                        self.assertIn(refused, [wanted] if wanted else [(False, False), (True, True)], "".join(one.stderr + one.stdout for one in both)[-1500:])


if __name__ == "__main__":
    unittest.main()
