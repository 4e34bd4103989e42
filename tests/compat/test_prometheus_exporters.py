"""Random metrics leave as the same remote write series, and the same text to scrape, from both programs.

WEIR_PROMETHEUS_SEEDS=FIRST:END: which requests."""
import http.server, json, re, threading, time, unittest, urllib.request

from peer import *
from wire import *

SEEDS = range(*map(int, os.environ.get("WEIR_PROMETHEUS_SEEDS", "0:12").split(":")))
STRATEGIES = ["UnderscoreEscapingWithSuffixes", "UnderscoreEscapingWithoutSuffixes", "NoUTF8EscapingWithSuffixes", "NoTranslation"]


class Metrics(Telemetry):
    """Metrics whose names and points are one series each: what both programs make of clashes depends on chance."""

    def metrics(self, metrics=20):
        request = super().metrics(metrics)
        number = 0
        for group in request["resourceMetrics"]:
            # Names that one program has no form for, or that points have as well, are told by chance or not at all.
            for holder in [group["resource"], *(scope["scope"] for scope in group["scopeMetrics"])]:
                for attribute in holder.get("attributes", []):
                    attribute["key"] = {"n": "number", "ü": "umlaut"}.get(attribute["key"], attribute["key"])
            group["resource"]["attributes"].append({"key": "service.instance.id", "value": {"stringValue": "i%d" % number}})
            for scope in group["scopeMetrics"]:
                for metric in scope["metrics"]:
                    number += 1
                    metric["name"] = self.random.choice(["http.server.%d", "my metric %d", "m%d_total", "ü%d", "%d.first", "m%d.ratio", "a__b_%d"]) % number
                    metric.pop("metadata", None)
                    if "unit" in metric:
                        metric["unit"] = self.random.choice(["ms", "s", "By", "1", "By/s", "{requests}", "%", "m/s", "Cel", "foo", "KiBy"])
                    data = next(metric[kind] for kind in KINDS if kind in metric)
                    if "aggregationTemporality" in data:
                        data["aggregationTemporality"] = 2
                    for n, point in enumerate(data["dataPoints"]):
                        point.setdefault("timeUnixNano", self.time())
                        point["attributes"] = [a for a in point.get("attributes", []) if a["key"] != "n"] + [{"key": "n", "value": {"stringValue": str(n)}}]
                        point.pop("flags", None)
                        for exemplar in point.get("exemplars", []):  # weir makes their names valid, and 1970 no time
                            exemplar.setdefault("timeUnixNano", self.time())
                            if exemplar.get("asDouble") == "NaN":  # the Go collector adds a second +Inf bucket for some
                                exemplar["asDouble"] = 1.0
                            for attribute in exemplar.get("filteredAttributes", []):
                                attribute["key"] = attribute["key"].replace(".", "_").replace("ü", "u")
        return request


def as_first_version(body):
    """A request of remote write 2.0 as one of 1.0; metadata is a field 6 of its series."""
    found, out = list(fields(body)), b""
    symbols = [value for number, value in found if number == 4]

    def pairs(packed):
        refs = numbers(packed, False)
        return b"".join(field(1, field(1, symbols[refs[i]]) + field(2, symbols[refs[i + 1]])) for i in range(0, len(refs), 2))
    for series in (value for number, value in found if number == 5):
        message = b""
        for number, value in fields(series):
            if number == 1:
                message += pairs(value)
            elif number == 2:  # without the start time
                message += field(2, b"".join(field(n, v) for n, v in fields(value) if n < 3))
            elif number == 3:
                message += field(4, b"".join(field(n, v) for n, v in fields(value) if n < 17))
            elif number == 4:
                message += field(3, b"".join(pairs(v) if n == 1 else field(n, v) for n, v in fields(value)))
            elif number == 5:
                meta = dict(fields(value))
                message += field(6, repr((meta.get(1, 0), symbols[meta.get(3, 0)], symbols[meta.get(4, 0)])).encode())
        out += field(1, message)
    return out


class Backend:
    """Takes remote write and keeps series: labels -> samples, histograms, exemplars and metadata as text."""

    def __init__(self):
        self.series, self.lock = {}, threading.Lock()
        backend = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do_POST(self):
                body = unsnappy(self.rfile.read(int(self.headers["content-length"])))
                if "v2" in self.headers["content-type"]:
                    body = as_first_version(body)
                with backend.lock:
                    for number, value in fields(body):
                        if number == 1:
                            backend.take(value)
                        elif number == 3:
                            meta = dict(fields(value))
                            backend.series.setdefault((("metadata", meta[2].decode()),), set()).add(repr((meta.get(1, 0), meta.get(4, b""), meta.get(5, b""))))
                self.send_response(204)
                self.end_headers()

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, message):
        labels, rest = {}, []
        for number, value in fields(message):
            if number == 1:
                pair = dict(fields(value))
                labels[pair.get(1, b"").decode()] = pair.get(2, b"").decode("utf-8", "replace")
            else:
                rest.append((number, self.text(number, value)))
        key = tuple(sorted(labels.items()))
        if key != tuple(labels.items()):
            raise AssertionError("labels are not in order: %s" % labels)
        if labels["__name__"].endswith("target_info"):
            rest = ["at its times"]
        self.series.setdefault(key, set()).update(map(repr, rest))

    @staticmethod
    def text(number, value):
        if number == 2:
            sample = dict(fields(value))
            return repr(sample.get(1, 0.0)), sample.get(2, 0)
        if number == 6:
            return value
        if number == 3:  # exemplar: labels, value, time
            found = list(fields(value))
            pairs = sorted((dict(fields(v)).get(1), dict(fields(v)).get(2)) for n, v in found if n == 1)
            return pairs, repr(dict((n, v) for n, v in found if n != 1))
        return native(value)


def numbers(packed, zigzag):
    """Of a packed field of varints."""
    out, number, shift = [], 0, 0
    for byte in packed:
        number |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            out.append(number >> 1 ^ -(number & 1) if zigzag else number)
            number = shift = 0
    return out


def native(message):
    """A native histogram with its buckets by index, without empty ones: there some of these are at the ends, by chance of the way they are put together."""
    found = list(fields(message))
    out = sorted((n, repr(v)) for n, v in found if n not in (8, 9, 11, 12) and v not in (0, 0.0, b""))
    for side, spans, deltas in (("negative", 8, 9), ("positive", 11, 12)):
        counts, index, buckets = iter(n for number, v in found if number == deltas for n in numbers(v, True)), 0, {}
        last = 0
        for span in (dict(fields(v)) for number, v in found if number == spans):
            offset = span.get(1, 0)
            index += offset >> 1 ^ -(offset & 1)
            for _ in range(span.get(2, 0)):
                last += next(counts)
                if last:
                    buckets[index] = last
                index += 1
        out.append((side, buckets))
    return out


def described(series):
    """Series as text. The Go collector sends some with labels alone, where a point has no form in Prometheus."""
    return {", ".join('%s="%s"' % pair for pair in key): sorted(values) for key, values in series.items() if values}


def families(body):
    """Of the protobuf format: a line for each series, what is in it as text; native histograms by bucket."""
    out, data = {}, body
    while data:
        size, at = read_varint(data)
        family, data = list(fields(data[at:at + size])), data[at + size:]
        head = dict(family)
        name = "%s type %s help %s" % (head[1].decode(), head.get(3, 0), head.get(2, b"").decode("utf-8", "replace"))
        for metric in (value for number, value in family if number == 4):
            parts = list(fields(metric))
            labels = sorted("%s=%s" % (pair.get(1, b"").decode(), pair.get(2, b"").decode("utf-8", "replace")) for pair in (dict(fields(value)) for number, value in parts if number == 1))
            key = "%s {%s}" % (name, ",".join(labels))
            if key in out:
                raise AssertionError("twice: " + key)
            out[key] = [(number, histogram(value) if number == 7 else exemplified(value, 2) if number == 3 else repr(value)) for number, value in parts if number != 1]
    return out


def read_varint(data):
    number = shift = at = 0
    while True:
        byte = data[at]
        at, number, shift = at + 1, number | (byte & 127) << shift, shift + 7
        if byte < 128:
            return number, at


def exemplified(value, place):
    """A counter or a bucket, whose exemplar has its labels sorted."""
    return [(number, exemplar(v) if number == place else repr(v)) for number, v in fields(value) if v != 0]


def exemplar(value):
    found = list(fields(value))
    return sorted(repr(sorted(fields(v))) for n, v in found if n == 1), repr([(n, v) for n, v in found if n != 1])


def histogram(value):
    """As `native`, whose fields have other numbers."""
    found = list(fields(value))
    remote_write = {9: 8, 10: 9, 12: 11, 13: 12}
    sides, deltas = b"", {10: b"", 13: b""}
    for number, v in found:
        if number in (9, 12):
            sides += field(remote_write[number], v)
        elif number in deltas:
            deltas[number] += v if isinstance(v, bytes) else varint(v)
    sides += field(9, deltas[10]) + field(12, deltas[13])
    rest = sorted((number, repr(v)) for number, v in found if number not in (3, 9, 10, 12, 13, 15, 16) and v not in (0, 0.0))
    return rest, [exemplified(v, 3) for number, v in found if number == 3], sorted(exemplar(v) for number, v in found if number == 16), native(sides)


def scraped(program, settings, request, accept):
    """What the prometheus exporter with these settings answers to a scrape after one request."""
    config = RECEIVER + 'exporters: {prometheus: {endpoint: "127.0.0.1:@out@", %s}}\n' % json.dumps(settings)[1:-1]
    config += "service: {pipelines: {metrics: {receivers: [otlp], exporters: [prometheus]}}}\n"
    said = []

    def feed(places, requests):
        send(places, requests)
        time.sleep(0.3)
        asked = urllib.request.Request("http://127.0.0.1:%d/metrics" % places["out"], headers={"Accept": accept})
        with urllib.request.urlopen(asked) as answer:
            said.append(answer.read())
        return []
    run(program, config, [("metrics", request)], feed=feed)
    return said[0]


class PrometheusExporters(Differential):
    def compare(self, reference, ours):
        lines = ["%s\n  otelcol %s\n  weir    %s" % (key, reference.get(key), ours.get(key)) for key in sorted(reference.keys() | ours.keys()) if reference.get(key) != ours.get(key)]
        if lines:
            self.fail("%d of %d series\n%s" % (len(lines), len(reference), "\n".join(lines[:12])))

    def test_remote_write(self):
        for seed in SEEDS:
            request, found = Metrics(seed, depth=1).metrics(), []
            settings = {"resource_to_telemetry_conversion": {"enabled": seed % 3 == 0, "exclude_service_attributes": seed % 2 == 0}, "disable_scope_info": seed % 4 == 1, "target_info": {"enabled": seed % 5 != 0}, "add_metric_suffixes": seed % 2 == 0,
                        "send_metadata": seed % 7 == 4, "external_labels": {"a_label": "${env:HOME}", "zone": "z", "job": "own"} if seed % 4 == 3 else {}, "namespace": "my_space" if seed % 5 == 2 else "", "convert_explicit_histograms_to_nhcb": seed % 11 == 5, "keep_classic_histograms": seed % 22 == 5}
            version_2 = seed % 6 >= 4
            if version_2:
                settings.update(protobuf_message="io.prometheus.write.v2.Request")
            if seed % 3 == 1:
                settings.update(translation_strategy=STRATEGIES[seed % 4 if version_2 else seed % 2])
            if version_2:  # those of histograms go along here only
                for point in (point for group in request["resourceMetrics"] for scope in group["scopeMetrics"] for metric in scope["metrics"] for point in next(metric[kind] for kind in KINDS if kind in metric)["dataPoints"]):
                    point.pop("exemplars", None)
            with self.subTest(seed=seed, settings=settings):
                for program in (otelcol(), binary()):
                    backend = Backend()
                    config = RECEIVER + "exporters: %s\n" % json.dumps({"prometheusremotewrite": {"endpoint": "http://127.0.0.1:%d/api/v1/write" % backend.port, **settings}})
                    config += "service: {pipelines: {metrics: {receivers: [otlp], exporters: [prometheusremotewrite]}}}\n"
                    run(program, config, [("metrics", request)], args=["--feature-gates=exporter.prometheusremotewritexporter.enableSendingRW2"])
                    backend.server.shutdown()
                    backend.server.server_close()
                    found.append(described(backend.series))
                self.compare(*found)

    def test_scraped_text(self):
        for seed in SEEDS:
            request, found = Metrics(seed, depth=1).metrics(), []
            settings = {"resource_to_telemetry_conversion": {"enabled": seed % 3 == 0}, "without_scope_info": seed % 4 == 1, "add_metric_suffixes": seed % 2 == 0, "enable_open_metrics": seed % 2 == 1, "send_timestamps": seed % 3 == 1,
                        "metric_expiration": "999999h", "namespace": "my_space" if seed % 5 == 2 else "", "const_labels": {"zone": "z", "a_b": "c"} if seed % 7 == 3 else {}}
            if seed % 3 == 2:
                settings["translation_strategy"] = STRATEGIES[seed % 2]
            with self.subTest(seed=seed):
                for program in (otelcol(), binary()):
                    accept = "application/openmetrics-text; version=1.0.0" if seed % 2 else "text/plain; version=0.0.4"
                    said = scraped(program, settings, request, accept).decode("utf-8", "replace").split("\n")
                    found.append({self.in_order(line): 1 for line in said if self.is_of_a_series(line, said)})
                self.compare(*found)

    def test_scraped_messages(self):
        for seed in SEEDS:
            request, found = Metrics(seed, depth=1).metrics(), []
            settings = {"resource_to_telemetry_conversion": {"enabled": seed % 3 == 0}, "without_scope_info": seed % 4 == 1, "enable_open_metrics": seed % 2 == 1, "send_timestamps": seed % 3 == 1, "metric_expiration": "999999h"}
            with self.subTest(seed=seed):
                for program in (otelcol(), binary()):
                    found.append(families(scraped(program, settings, request, "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited")))
                self.compare(*[{key: value for key, value in view.items() if not key.startswith("target_info ") or sum(re.search("instance=[^,}]*", key).group(0) in other for other in view) > 1} for view in found])

    @staticmethod
    def is_of_a_series(line, said):
        """Whether it is anything but the target_info of a resource none of whose series has a form in Prometheus, which is told there only."""
        instance = re.search(r'instance="[^"]*"', line)
        return not (line.startswith("target_info{") and instance) or sum(instance.group(0) in other for other in said) > 1

    @staticmethod
    def in_order(line):
        """A line with its labels sorted, also those of an exemplar."""
        if line.startswith("# "):
            return line
        return re.sub(r'\{((?:[^"{}]|"(?:[^"\\]|\\.)*")*)\}', lambda found: "{%s}" % ",".join(sorted(re.findall(r'[^,{}="]+="(?:[^"\\]|\\.)*"', found.group(1)))), line)


if __name__ == "__main__":
    unittest.main()
