"""Bodies that take hundreds of times their size once they are taken apart, through every stage of the component table: memory stays
under its limit, a refusal says why, all items are counted, and ordinary requests are answered during and after it."""
import gzip, json, os, re, resource, socket, struct, subprocess, sys, tempfile, threading, time, unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import *

MIB = 1024 * 1024
# More than that for a binary with sanitizers, whose memory is not that of requests.
LIMIT_MIB = int(os.environ.get("EXPLOSIVE_LIMIT_MIB", 256))
# A body when inflated. 20 MiB is what receivers take; less is as telling and takes less time.
BODY = int(os.environ.get("EXPLOSIVE_BYTES", MIB // 2))
# Without ./test --all only stages that hold, take apart or make the most: all of them take a quarter of an hour in a debug build.
ALL = os.environ.get("WEIR_ALL") == "1"
TELLING = {"transform", "tail_sampling", "batch", "servicegraph"}


def field(number, value):
    size, head = len(value), number << 3 | 2
    out = bytearray()
    for n in (head, size):
        while n > 127:
            out.append(n & 127 | 128)
            n >>= 7
        out.append(n)
    return bytes(out) + value


def many(piece, wrap=0):
    return piece * ((BODY - wrap) // len(piece))


def request(items, resource=b"", scope=b""):
    return field(1, (field(1, resource) if resource else b"") + field(2, (field(1, scope) if scope else b"") + items))


# Half of a body is in one attribute of its resource: what says the resource again with each item becomes thousands of times larger.
LARGE_ATTRIBUTE = lambda: field(1, b"k") + field(2, field(1, b"v" * (BODY // 2)))
LARGE = lambda: field(1, LARGE_ATTRIBUTE())
SERVICE = field(1, field(1, b"service.name") + field(2, field(1, b"s")))
ATTRIBUTE = field(1, b"k") + field(2, field(1, b"v"))
POINTS = {"gauge": 5, "sum": 7, "histogram": 9, "exponential_histogram": 10, "summary": 11}

# Signal, shape and how it is made. Every list of OTLP stands here once, with the least that an element can be.
SHAPES = [
    ("traces", "spans", lambda: request(many(field(2, b"")))),
    ("traces", "spans, each a trace", lambda: request(b"".join(field(2, field(1, i.to_bytes(16, "big"))) for i in range(BODY // 20)))),
    ("traces", "resources", lambda: many(field(1, field(2, field(2, b""))))),
    ("traces", "resources, all different", lambda: b"".join(
        field(1, field(1, field(1, field(1, b"k") + field(2, field(1, b"%d" % i)))) + field(2, field(2, b""))) for i in range(BODY // 25))),
    ("traces", "scopes", lambda: field(1, many(field(2, field(2, b""))))),
    ("traces", "empty resources", lambda: many(field(1, b"")) + request(field(2, b""))),
    ("traces", "attributes", lambda: request(field(2, many(field(9, b""))))),
    ("traces", "resource attributes", lambda: request(field(2, b"") * 1000, many(field(1, b"")))),
    ("traces", "a large resource of many spans", lambda: request(b"".join(field(2, field(1, i.to_bytes(16, "big"))) for i in range(BODY // 60)),
                                                                 LARGE())),
    ("traces", "a large span of many events", lambda: request(field(2, field(9, LARGE_ATTRIBUTE()) + b"".join(
        field(11, field(2, b"exception") + field(3, field(1, b"a") + field(2, field(1, b"%d" % i)))) for i in range(BODY // 80))), SERVICE)),
    ("traces", "a large scope of many spans", lambda: request(b"".join(field(2, field(1, i.to_bytes(16, "big"))) for i in range(BODY // 60)), b"", field(1, b"n" * (BODY // 2)))),
    ("traces", "scope attributes", lambda: request(field(2, b""), b"", many(field(3, b"")))),
    ("traces", "events", lambda: request(field(2, many(field(11, b""))))),
    ("traces", "events with attributes", lambda: request(field(2, many(field(11, field(3, b"")))))),
    ("traces", "links", lambda: request(field(2, many(field(13, b""))))),
    ("traces", "array values", lambda: request(field(2, field(9, field(1, b"a") + field(2, field(5, many(field(1, b"")))))))),
    ("traces", "map values", lambda: request(field(2, field(9, field(1, b"a") + field(2, field(6, many(field(1, b"")))))))),
    ("traces", "unknown fields", lambda: request(field(2, many(b"\xa0\x06\x00")))),
    ("logs", "records", lambda: request(many(field(2, b"")))),
    ("logs", "attributes", lambda: request(field(2, many(field(6, b""))))),
    ("logs", "a large resource of many records", lambda: request(b"".join(field(2, field(5, field(1, b"%d" % i))) for i in range(BODY // 60)), LARGE())),
    ("logs", "a large resource of many records, each with an attribute", lambda: request(b"".join(
        field(2, field(6, field(1, b"a") + field(2, field(1, b"%d" % i)))) for i in range(BODY // 60)), LARGE())),
    ("logs", "a body of many values", lambda: request(field(2, field(5, field(5, many(field(1, b""))))))),
    ("metrics", "a large resource of many points", lambda: request(b"".join(field(2, field(1, b"m%d" % i) + field(5, field(1, b"\x31" + b"\0" * 8))) for i in range(BODY // 60)), LARGE())),
    ("metrics", "a large name of many points", lambda: request(field(2, field(1, b"n" * (BODY // 2)) + field(5, b"".join(
        field(1, b"\x31" + b"\0" * 8 + field(7, field(1, b"a") + field(2, field(1, b"%d" % i)))) for i in range(BODY // 60)))))),
    ("metrics", "metrics", lambda: request(many(field(2, b"")) + field(2, field(5, field(1, b""))))),
    ("metrics", "metrics of one point", lambda: request(many(field(2, field(5, field(1, b"")))))),
    *[("metrics", "points of a " + name, lambda n=n: request(field(2, field(1, b"m") + field(n, many(field(1, b"")))))) for name, n in POINTS.items()],
    ("metrics", "point attributes", lambda: request(field(2, field(5, field(1, many(field(7, b"")))))) ),
    ("metrics", "exemplars", lambda: request(field(2, field(5, field(1, many(field(5, b""))))))),
    ("metrics", "buckets", lambda: request(field(2, field(10, field(1, field(8, field(2, b"\x01" * BODY))))))),
    ("metrics", "buckets, one by one", lambda: request(field(2, field(9, field(1, many(field(6, b"\0" * 8))))))),
    ("metrics", "quantiles", lambda: request(field(2, field(11, field(1, many(field(6, b""))))))),
]

JSON_HEAD = {"traces": ('{"resourceSpans":[{"scopeSpans":[{"spans":[', "]}]}]}"), "logs": ('{"resourceLogs":[{"scopeLogs":[{"logRecords":[', "]}]}]}"),
             "metrics": ('{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"gauge":{"dataPoints":[', "]}}]}]}]}")}


def json_list(piece):
    return ",".join([piece] * (BODY // (len(piece) + 1)))


JSON_SHAPES = [(signal, "items", lambda s=signal: JSON_HEAD[s][0] + json_list("{}") + JSON_HEAD[s][1]) for signal in JSON_HEAD] + [
    (signal, "attributes", lambda s=signal: JSON_HEAD[s][0] + '{"attributes":[' + json_list("{}") + "]}" + JSON_HEAD[s][1]) for signal in JSON_HEAD] + [
    ("traces", "array values", lambda: JSON_HEAD["traces"][0] + '{"attributes":[{"key":"a","value":{"arrayValue":{"values":[' + json_list("{}") + "]}}}]}" + JSON_HEAD["traces"][1]),
    ("metrics", "numbers", lambda: '{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"histogram":{"dataPoints":[{"bucketCounts":[' + json_list("1") + "]}]}}]}]}]}"),
]

# A stage is put between a receiver and `nop` with these settings; what is not here, with its defaults.
PROCESSORS = {
    "attributes": ["{actions: [{key: a, value: b, action: upsert}]}", "{actions: [{key: x, from_context: metadata.large, action: upsert}]}"],
    "batch": ["{}", "{send_batch_max_size: 1000, send_batch_size: 1000, timeout: 100ms}"],
    "cumulativetodelta": ["{}"],
    "deltatocumulative": ["{}"],
    "deltatorate": ["{metrics: [m]}"],
    "filter": ["{error_mode: ignore, traces: {span: ['name == \"x\"']}, logs: {log_record: ['body == \"x\"']}, metrics: {datapoint: ['attributes[\"a\"] == \"x\"']}}"],
    "groupbyattrs": ["{}", "{keys: [a]}"],
    "groupbytrace": ["{wait_duration: 300ms}"],
    "logstransform": ["{operators: [{type: noop}]}", "{operators: [{type: copy, from: resource.k, to: attributes.x}, {type: add, field: attributes.y, value: 'EXPR(resource[\"k\"] + \"!\")'}]}"],
    "interval": ["{interval: 1s}"],
    "k8sattributes": ["{passthrough: true}"],
    "memory_limiter": [],  # is in front of all
    "metricsgeneration": ["{rules: [{name: n, unit: s, type: scale, metric1: m, operation: multiply, scale_by: 2}]}"],
    "metricstarttime": ["{}"],
    "metricstransform": ["{transforms: [{include: m, action: update, new_name: n}]}"],
    "probabilistic_sampler": ["{sampling_percentage: 50}"],
    "resourcedetection": ["{detectors: [env]}"],
    "span": ["{name: {from_attributes: [a], separator: '::'}}"],
    "resource": ["{attributes: [{key: a, value: b, action: upsert}]}", "{attributes: [{key: x, from_context: metadata.large, action: upsert}]}"],
    "tail_sampling": ["{decision_wait: 1s, policies: [{name: all, type: always_sample}]}",
                      "{decision_wait: 1s, num_traces: 100, policies: [{name: e, type: string_attribute, string_attribute: {key: a, values: [b]}}]}"],
    "transform": ["{error_mode: ignore, trace_statements: ['set(span.attributes[\"a\"], \"b\")'], log_statements: ['set(log.attributes[\"a\"], \"b\")'], metric_statements: ['set(datapoint.attributes[\"a\"], \"b\")']}"] + [
        # What stands once in a request comes to each item.
        "{error_mode: ignore, trace_statements: ['%s'], log_statements: ['%s'], metric_statements: ['%s']}" % tuple(form.replace("ITEM", item) for item in ("span", "log", "datapoint"))
        for form in ("set(ITEM.attributes[\"x\"], resource.attributes[\"k\"])", "set(ITEM.attributes[\"x\"], Concat([resource.attributes[\"k\"], scope.name], \"-\"))",
                     "merge_maps(ITEM.attributes, resource.attributes, \"upsert\")", "set(ITEM.attributes[\"x\"], Split(resource.attributes[\"k\"], \"v\"))",
                     "set(ITEM.attributes[\"x\"], 1) where IsMatch(resource.attributes[\"k\"], \"(a|b)+w$\") or SHA256(resource.attributes[\"k\"]) == \"\"")] + [
        "{error_mode: ignore, trace_statements: ['set(spanevent.attributes[\"x\"], span.attributes[\"k\"])'], log_statements: ['set(log.body, otelcol.client.metadata[\"large\"])'], "
        "metric_statements: ['set(datapoint.attributes[\"x\"], metric.name)']}"],
}
CONNECTORS = {"count": ["{}", "{spans: {c: {attributes: [{key: k}]}}, spanevents: {e: {attributes: [{key: k}]}}, logs: {l: {attributes: [{key: k}]}}, datapoints: {d: {attributes: [{key: k}]}}}"],
              "exceptions": ["{}", "{dimensions: [{name: k}, {name: a}]}"], "failover": ["{priority_levels: [[SIGNAL/behind]]}"],
              "sum": ["{spans: {s: {source_attribute: a}}, logs: {l: {source_attribute: a}}, datapoints: {d: {source_attribute: a}}}"],
              "signaltometrics": ["{spans: [{name: s, sum: {value: '1'}}], logs: [{name: l, sum: {value: '1'}}], datapoints: [{name: d, sum: {value: '1'}}]}",
                                  "{spans: [{name: s, include_resource_attributes: [{key: k}], attributes: [{key: k}, {key: a}], sum: {value: '1'}}], "
                                  "logs: [{name: l, include_resource_attributes: [{key: k}], attributes: [{key: a}], sum: {value: '1'}}], datapoints: [{name: d, attributes: [{key: a}], sum: {value: '1'}}]}"],
              "forward": ["{}"], "servicegraph": ["{metrics_flush_interval: 500ms}", "{metrics_flush_interval: 500ms, dimensions: [k, a]}"],
              "spanmetrics": ["{metrics_flush_interval: 500ms}", "{metrics_flush_interval: 500ms, dimensions: [{name: k}, {name: a}], events: {enabled: true, dimensions: [{name: k}, {name: a}]}}"],
              "routing": ["{table: [{condition: 'resource.attributes[\"a\"] == \"b\"', pipelines: [SIGNAL/behind]}], default_pipelines: [SIGNAL/behind]}"]}
EXPORTERS = {
    "elasticsearch": ["{endpoint: 'http://127.0.0.1:1'}"],
    "jaeger": ["{endpoint: '127.0.0.1:1', tls: {insecure: true}}"],
    "kafka": ["{brokers: ['127.0.0.1:1']}", "{brokers: ['127.0.0.1:1'], traces: {encoding: jaeger_json}, logs: {encoding: otlp_json}, metrics: {encoding: otlp_json}, partition_logs_by_trace_id: true, partition_metrics_by_resource_attributes: true}"],
    "zipkin": ["{endpoint: 'http://127.0.0.1:1/api/v2/spans'}"],
    "debug": ["{verbosity: detailed, use_internal_logger: false, output_paths: [/dev/null]}"],
    "file": ["{path: out.json}", "{path: out.pb, format: proto, compression: zstd}"],
    "loadbalancing": ["{routing_key: traceID, protocol: {otlp: {tls: {insecure: true}, timeout: 1s}}, resolver: {static: {hostnames: ['127.0.0.1:1']}}}"],  # traces only
    "loki": ["{endpoint: 'http://127.0.0.1:1/loki/api/v1/push'}"],
    "nop": ["{}"],
    "otlp": ["{endpoint: '127.0.0.1:1', tls: {insecure: true}}"],
    "prometheus": ["{endpoint: '127.0.0.1:PORT'}", "{endpoint: '127.0.0.1:PORT', resource_to_telemetry_conversion: {enabled: true}}"],
    "otlphttp": ["{endpoint: 'http://127.0.0.1:1', encoding: json}", "{endpoint: 'http://127.0.0.1:1', sending_queue: {batch: {min_size: 1000, max_size: 1000}}}"],
    "prometheusremotewrite": ["{endpoint: 'http://127.0.0.1:1/api/v1/write'}", "{endpoint: 'http://127.0.0.1:1/api/v1/write', resource_to_telemetry_conversion: {enabled: true}}"],
}
MADE_SIGNAL = {name: "metrics" for name in ("count", "exceptions", "servicegraph", "signaltometrics", "spanmetrics", "sum")}
OF_TRACES = ("exceptions", "servicegraph", "spanmetrics")


METHODS = {"traces": "trace.v1.TraceService", "metrics": "metrics.v1.MetricsService", "logs": "logs.v1.LogsService"}


def h2_frame(kind, flags, stream, payload):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def grpc_call(port, signal, gzipped):
    """One unary call with a message that is compressed already; True when it was answered."""
    fields = [(":method", "POST"), (":scheme", "http"), (":path", "/opentelemetry.proto.collector.%s/Export" % METHODS[signal]), (":authority", "x"),
              ("te", "trailers"), ("content-type", "application/grpc"), ("grpc-encoding", "gzip")]
    head = b"".join(b"\0" + bytes([len(k)]) + k.encode() + bytes([len(v)]) + v.encode() for k, v in fields)
    message = b"\1" + struct.pack(">I", len(gzipped)) + gzipped
    parts = [message[i:i + 16000] for i in range(0, len(message), 16000)]
    with socket.create_connection(("127.0.0.1", port), 60) as s:
        s.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + h2_frame(4, 0, 0, b"") + h2_frame(1, 4, 1, head))
        for i, part in enumerate(parts):
            s.sendall(h2_frame(0, i == len(parts) - 1, 1, part))
        stream = s.makefile("rb")
        while True:
            header = stream.read(9)
            if len(header) < 9:
                return False
            kind, flags, number = header[3], header[4], struct.unpack(">I", header[5:])[0]
            stream.read(int.from_bytes(header[:3], "big"))
            if number == 1 and (kind == 3 or (kind == 1 and flags & 1)):
                return kind == 1


def snappy_literal(raw):
    """The block format with literals only."""
    size, head = len(raw), bytearray()
    while size > 127:
        head.append(size & 127 | 128)
        size >>= 7
    head.append(size)
    parts = [raw[i:i + 60_000] for i in range(0, len(raw), 60_000)]
    return bytes(head) + b"".join(bytes([61 << 2]) + struct.pack("<H", len(part) - 1) + part for part in parts)


def lz4_plain(raw):
    """A frame of blocks that are not compressed. Its last byte of the head is a checksum."""
    parts = [raw[i:i + 65536] for i in range(0, len(raw), 65536)]
    return b"\x04\x22\x4d\x18\x60\x40\x82" + b"".join(struct.pack("<I", len(part) | 1 << 31) + part for part in parts) + b"\0" * 4


def components():
    """{kind: {type: [signals]}} of the table."""
    out = subprocess.run([binary(), "components"], capture_output=True, text=True, check=True).stdout
    table, kind, name = {}, None, None
    for line in out.splitlines():
        if re.match(r"^\w+:$", line):
            kind = line[:-1]
        elif line.startswith("  - name: "):
            name = line.split()[2]
            table.setdefault(kind, {})[name] = []
        elif line.strip().startswith("signals: ["):
            table[kind][name] = re.findall(r"traces|metrics|logs|profiles", line)
    return table


def takes(table, kind, name, signal):
    if (name, signal) in (("loadbalancing", "metrics"),):
        return False
    return any(word == signal for word in table[kind][name]) or not table[kind][name]


class Explosive(unittest.TestCase):
    def config(self, kind, name, settings, signal):
        settings = settings.replace("SIGNAL", signal).replace("PORT", str(free_port()))
        chain, exporter, more, pipelines = "memory_limiter", "nop", "", ""
        if kind == "processors":
            more, chain = ", %s: %s" % (name, settings), "memory_limiter, " + name
        if kind != "processors":
            exporter = name if name != "nop" else "nop"
        exporters = "nop: {}" + (", %s: %s" % (name, settings) if kind == "exporters" and name != "nop" else "")
        if kind == "connectors":
            pipelines = ", %s/behind: {receivers: [%s], exporters: [nop]}" % (MADE_SIGNAL.get(name, signal), name)
        connectors = "connectors: {%s: %s}\n" % (name, settings) if kind == "connectors" else ""
        return ("receivers: {otlp: {protocols: {http: {endpoint: '127.0.0.1:%d', include_metadata: true}, grpc: {endpoint: '127.0.0.1:%d'}}}}\n"
                "processors: {memory_limiter: {check_interval: 1s, limit_mib: %d}%s}\n"
                "exporters: {%s}\n%s"
                "service: {telemetry: {metrics: {address: '127.0.0.1:%d'}}, pipelines: {%s: {receivers: [otlp], processors: [%s], exporters: [%s]}%s}}\n"
                % (self.port, self.grpc, LIMIT_MIB, more, exporters, connectors, self.metrics, signal, chain, exporter, pipelines))

    def run_shapes(self, kind, name, settings, signal, limit_address_space=False):
        self.port, self.grpc, self.metrics = free_port(), free_port(), free_port()
        with Weir(self.config(kind, name, settings, signal), ready=[self.port, self.grpc, self.metrics]) as weir:
            if limit_address_space:  # as `ulimit -v` does: one allocation too many ends the process
                with open("/proc/%d/statm" % weir.process.pid) as f:
                    space = int(f.read().split()[0]) * os.sysconf("SC_PAGESIZE") + (LIMIT_MIB + 32) * MIB
                resource.prlimit(weir.process.pid, resource.RLIMIT_AS, (space, space))
            ended, peak, waits = threading.Event(), [0], []

            def watch():
                while not ended.wait(0.01):
                    peak[0] = max(peak[0], weir.rss())

            def ordinary():
                body = ORDINARY[signal]
                while not ended.wait(0.05):
                    began = time.monotonic()
                    post(self.port, "/v1/" + signal, body, {"Content-Type": "application/x-protobuf"}, 60)
                    waits.append(time.monotonic() - began)
            threads = [threading.Thread(target=watch), threading.Thread(target=ordinary)]
            for t in threads:
                t.start()
            try:
                for shape, encoding, body in bodies(signal):
                    status = post(self.port, "/v1/" + signal, body, {"Content-Type": encoding, "Content-Encoding": "gzip", "large": "m" * 8000}, 120)[0]
                    with self.subTest(shape=shape, encoding=encoding):
                        self.assertIn(status, (200, 413, 429, 503))
                        if encoding == "application/x-protobuf" and len(body) < 60_000:  # no window is waited for
                            self.assertTrue(grpc_call(self.grpc, signal, body))
                wait_for(lambda: post(self.port, "/v1/" + signal, ORDINARY[signal], {"Content-Type": "application/x-protobuf"}, 60)[0] == 200 or None, 30, "an ordinary request taken")
            finally:
                ended.set()
                for t in threads:
                    t.join()
            self.assertIsNone(weir.process.poll(), weir.output()[-2000:])
            self.assertLess(peak[0], LIMIT_MIB * MIB, "peak resident memory %d MiB" % (peak[0] // MIB))
            if os.environ.get("EXPLOSIVE_VERBOSE"):
                print("%s %s %s: peak %d MiB, longest wait of an ordinary request %.2f s" % (kind, name, signal, peak[0] // MIB, max(waits, default=0)))

    def test_every_item_is_accepted_or_refused(self):
        self.port, self.grpc, self.metrics = free_port(), free_port(), free_port()
        exporter = "{endpoint: 'http://127.0.0.1:1', sending_queue: {queue_size: 100000}}"
        config = self.config("exporters", "otlphttp", exporter, "traces").replace("limit_mib: %d" % LIMIT_MIB, "limit_mib: 64")
        spans, statuses, sent = 10_000, [], 0
        plain = request(b"".join(field(2, field(1, os.urandom(16)) + field(5, os.urandom(30).hex().encode())) for _ in range(spans)))
        as_json = (JSON_HEAD["traces"][0] + ",".join(['{"name":"%s"}' % os.urandom(30).hex()] * spans) + JSON_HEAD["traces"][1]).encode()
        protobuf, js = {"Content-Type": "application/x-protobuf"}, {"Content-Type": "application/json"}
        kinds = [(plain, protobuf), (gzip.compress(plain, 1), {**protobuf, "Content-Encoding": "gzip"}), (as_json, js), (gzip.compress(as_json, 1), {**js, "Content-Encoding": "gzip"}),
                 (snappy_literal(plain), {**protobuf, "Content-Encoding": "snappy"}), (lz4_plain(plain), {**protobuf, "Content-Encoding": "lz4"})]
        with Weir(config, ready=[self.port, self.metrics], args=["--data-dir", "none"]) as weir:  # nothing goes to disk instead
            for i in range(120):
                body, headers = kinds[i % len(kinds)]
                statuses.append(post(self.port, "/v1/traces", body, headers, 60)[0])
                sent += spans
            def counted():
                text = get(self.metrics, "/metrics")[1]
                return sum(float(n) for n in re.findall(r"^otelcol_receiver_(?:accepted|refused)_spans\S* (\S+)$", text, re.M))
            self.assertIn(503, statuses)
            self.assertIn(200, statuses)
            wait_for(lambda: counted() == sent or None, 10, "accepted + refused = %d, is %d" % (sent, counted()))

    def rows(self, kind, known):
        """(type, settings, signal) of every stage of a kind."""
        table = components()
        for name in table[kind]:
            for settings in known.get(name, ["{}"]):
                for signal in ("traces", "metrics", "logs"):
                    only_traces = kind == "connectors" and name in OF_TRACES
                    if takes(table, kind, name, signal) and not (only_traces and signal != "traces"):
                        yield name, settings, signal

    def test_every_stage_has_settings(self):
        self.port, self.grpc, self.metrics = free_port(), free_port(), free_port()
        for kind, known in (("processors", PROCESSORS), ("connectors", CONNECTORS), ("exporters", EXPORTERS)):
            for name, settings, signal in self.rows(kind, known):
                with self.subTest(stage=name, signal=signal), tempfile.NamedTemporaryFile("w", suffix=".yaml") as f:
                    f.write(self.config(kind, name, settings, signal))
                    f.flush()
                    done = subprocess.run([binary(), "validate", "--config", f.name], capture_output=True, text=True)
                    self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def stages(self, kind, known):
        for name, settings, signal in self.rows(kind, known):
            if not ALL and (name not in TELLING or signal != "traces"):
                continue
            with self.subTest(stage=name, signal=signal):
                self.run_shapes(kind, name, settings, signal)

    @unittest.skipIf(os.environ.get("WEIR_SANITIZED"), "sanitizers need address space")
    def test_little_more_address_space_than_the_limit(self):
        for name, signal in (("transform", "traces"), ("tail_sampling", "traces"), ("transform", "metrics"), ("batch", "logs"))[: None if ALL else 1]:
            with self.subTest(stage=name, signal=signal):
                self.run_shapes("processors", name, PROCESSORS[name][-1], signal, limit_address_space=True)

    def test_processors(self):
        self.stages("processors", PROCESSORS)

    def test_connectors(self):
        self.stages("connectors", CONNECTORS)

    def test_exporters(self):
        self.stages("exporters", EXPORTERS)


def bodies(signal):
    if signal not in made:
        made[signal] = [(shape, "application/x-protobuf", gzip.compress(make(), 1)) for s, shape, make in SHAPES if s == signal]
        made[signal] += [(shape, "application/json", gzip.compress(make().encode(), 1)) for s, shape, make in JSON_SHAPES if s == signal]
    return made[signal]


made = {}
ORDINARY = {"traces": request(field(2, field(1, b"t" * 16) + field(2, b"s" * 8) + field(5, b"x"))), "logs": request(field(2, field(3, b"INFO"))),
            "metrics": request(field(2, field(1, b"m") + field(5, field(1, b""))))}


if __name__ == "__main__":
    unittest.main()
