"""The two-layer set-up of docs/guides/layers: its files as they are, moved to free ports, with any program in either layer."""
import collections, os, re, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *

GUIDE = os.path.join(ROOT, "docs", "guides", "layers")


def read(name):
    with open(os.path.join(GUIDE, name)) as f:
        return f.read()


def modern(text):
    """The same for collectors that refuse what older ones took: numbers in quotes, $NAME, the ballast, the metrics address."""
    text = re.sub(r'"(\d+)"', r"\1", text).replace("$HOSTNAME", "${env:HOSTNAME}")
    text = re.sub(r"(?m)^  memory_ballast:\n    .*\n", "", text).replace("    - memory_ballast\n", "")
    return re.sub(r"(?m)^  telemetry:\n(    .*\n)+", "  telemetry: {metrics: {level: none}}\n", text)


def attributes(**pairs):
    return [{"key": key.replace("__", "."), "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}} for key, value in pairs.items()]


def span(trace, number, name, kind, parent=None, error=False, **more):
    start = time.time_ns()
    out = {"traceId": "%032x" % trace, "spanId": "%016x" % (trace * 16 + number), "name": name, "kind": kind,
           "startTimeUnixNano": str(start), "endTimeUnixNano": str(start + 20_000_000), "attributes": attributes(**more)}
    if parent:
        out["parentSpanId"] = "%016x" % (trace * 16 + parent)
    if error:
        out["status"] = {"code": 2}
    return out


def request(app, spans):
    resource = attributes(service__name="namespace/app", namespace="demo", app=app, team="blue", k8s__pod__name=app + "-0")
    return {"resourceSpans": [{"resource": {"attributes": resource}, "scopeSpans": [{"scope": {"name": "test"}, "spans": spans}]}]}


def two_services(traces):
    """Requests of two services. In each trace shop calls cart, whose span fails in every fifth; a probe adds a span that must go."""
    shop, cart = [], []
    for t in traces:
        shop += [span(t, 1, "GET /", 2), span(t, 2, "GET", 3, parent=1, http__method="GET", net__peer__name="cart"),
                 span(t, 4, "GET /healthz", 2, user_agent__original="kube-probe/1.28")]
        cart.append(span(t, 3, "GET /cart", 2, parent=2, error=t % 5 == 0, **({"http__status_code": 503} if t % 5 == 0 else {})))
    return [request("shop", shop), request("cart", cart)]


class Stack:
    """Everything that runs in a test, ended with it. `tempo` and `mimir` are the backends."""

    def __init__(self):
        self.stack = contextlib.ExitStack()
        self.folder = self.stack.enter_context(tempfile.TemporaryDirectory(prefix="weir-layers-"))
        self.tempo, self.mimir = Sink(), Sink()
        self.count = 0

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.stack.close()
        self.tempo.close()
        self.mimir.close()

    def start(self, program, text, over, ready):
        """A collector with `text` and what `over` changes in it."""
        self.count += 1
        path = os.path.join(self.folder, "over%d.yaml" % self.count)
        over = {**over, "extensions": {**over.get("extensions", {}), "health_check": {"endpoint": "127.0.0.1:%d" % free_port()}}}
        over.setdefault("service", {})["telemetry"] = {"metrics": {"level": "none"}}
        with open(path, "w") as f:
            json.dump(over, f)
        return self.stack.enter_context(Collector(program, text, args=["--config", path], ready=ready, env={"MY_POD_IP": "127.0.0.1", "HOSTNAME": "host-%d" % self.count}))

    def backends(self):
        return {"otlphttp/tempo": {"endpoint": "http://127.0.0.1:%d" % self.tempo.port, "encoding": "json", "compression": "none"},
                "otlphttp/mimir": {"endpoint": "http://127.0.0.1:%d" % self.mimir.port, "encoding": "json", "compression": "none"}}

    quick = {"servicegraph": {"metrics_flush_interval": "1s"}, "spanmetrics": {"metrics_flush_interval": "1s"}}

    def back(self, program, text):
        """One collector of the second layer; its ports by trace and by service."""
        trace, service = free_port(), free_port()
        storage = os.path.join(self.folder, "pvc%d" % self.count)
        os.makedirs(storage)
        over = {"receivers": {"otlp/by-traceid": {"protocols": {"grpc": {"endpoint": "127.0.0.1:%d" % trace}}},
                              "otlp/by-service-name": {"protocols": {"grpc": {"endpoint": "127.0.0.1:%d" % service}}}},
                "extensions": {"file_storage": {"directory": storage, "compaction": {"directory": storage}}},
                "processors": {"groupbytrace": {"wait_duration": "2s"}}, "connectors": self.quick, "exporters": self.backends()}
        self.start(program, text, over, [trace, service])
        return trace, service

    def front(self, program, text, backs):
        """The first layer's port for OTLP/HTTP."""
        grpc, http = free_port(), free_port()
        resolver = lambda ports: {"resolver": {"static": {"hostnames": ["127.0.0.1:%d" % p for p in ports]}}}
        over = {"receivers": {"otlp": {"protocols": {"grpc": {"endpoint": "127.0.0.1:%d" % grpc}, "http": {"endpoint": "127.0.0.1:%d" % http}}}},
                "exporters": {"loadbalancing/by-traceid": resolver(t for t, _ in backs), "loadbalancing/by-service-name": resolver(s for _, s in backs)}}
        self.start(program, text, over, [http])
        return http

    def one(self, program, text):
        """The replacement of both layers; its port for OTLP/HTTP."""
        grpc, http = free_port(), free_port()
        over = {"receivers": {"otlp": {"protocols": {"grpc": {"endpoint": "127.0.0.1:%d" % grpc}, "http": {"endpoint": "127.0.0.1:%d" % http}}}},
                "processors": {"tail_sampling": {"decision_wait": "2s"}}, "connectors": self.quick, "exporters": self.backends()}
        self.start(program, text, over, [http])
        return http


def values(pairs):
    return {pair["key"]: next(iter(pair["value"].values())) for pair in pairs}


def latest(sink, name):
    """The newest value of every series of a sum, by its resource and point attributes."""
    out = {}
    for body in sink.json():
        for group in body.get("resourceMetrics", []):
            resource = values(group.get("resource", {}).get("attributes", []))
            for scope in group["scopeMetrics"]:
                for metric in scope["metrics"]:
                    for point in metric.get("sum", {}).get("dataPoints", []) if metric["name"] == name else []:
                        labels = values(point.get("attributes", []))
                        out[tuple(sorted(resource.items())), tuple(sorted(labels.items()))] = (labels, int(float(point.get("asInt", point.get("asDouble", 0)))))
    return list(out.values())


def total(sink, name, **labels):
    return sum(value for found, value in latest(sink, name) if all(found.get(key.replace("__", ".")) == wanted for key, wanted in labels.items()))


CALLS, REQUESTS = "traces.spanmetrics.calls", "traces_service_graph_request_total"


def reaches(test, value, wanted, what):
    """Waits until it does; otherwise says how far it came."""
    try:
        wait_for(lambda: value() == wanted, 40)
    except AssertionError:
        test.assertEqual(value(), wanted, what)


def check(test, stack, http, count=100):
    """Sends `count` traces to the first layer and checks all that must come out of the second."""
    for chunk in range(0, count, 20):
        for body in two_services(range(chunk + 1, chunk + 21)):
            test.assertEqual(post(http, "/v1/traces", body)[0], 200)
    wait_for(lambda: len(stack.tempo.spans()) >= 3 * count, 40, "%d spans at tempo" % (3 * count))
    spans = stack.tempo.spans()
    ids = collections.Counter(s["spanId"] for s in spans)
    test.assertEqual((len(ids), max(ids.values())), (3 * count, 1))
    names = collections.Counter(s["name"] for s in spans)
    test.assertEqual(names, {"GET /": count, "GET cart": count, "GET /cart": count})
    failed = [values(s["attributes"]).get("error.type") for s in spans if s.get("status", {}).get("code") == 2]
    test.assertEqual((len(failed), {str(value) for value in failed}), (count // 5, {"503"}))
    # A trace leaves in one piece: nobody decided on a part of it.
    sizes = collections.Counter()
    for body in stack.tempo.json():
        for trace, n in collections.Counter(s["traceId"] for g in body["resourceSpans"] for c in g["scopeSpans"] for s in c["spans"]).items():
            sizes[trace, n] += 1
    test.assertEqual({n for _, n in sizes}, {3})
    reaches(test, lambda: total(stack.mimir, CALLS), 3 * count, "calls in the span metrics")
    # Of the pair: what called shop is unknown, and counts as a virtual node once it has waited long enough.
    reaches(test, lambda: total(stack.mimir, REQUESTS, server="demo/cart"), count, "requests in the service graph")
    test.assertEqual(total(stack.mimir, CALLS, app="cart", error__type="503"), count // 5)
    test.assertEqual(total(stack.mimir, CALLS, span__name="GET cart", team="blue", namespace="demo"), count)
    test.assertEqual(total(stack.mimir, REQUESTS, client="demo/shop", server="demo/cart", client_app="shop", server_app="cart"), count)
