"""Random OTLP JSON requests of every shape the protocol allows. The same seed makes the same telemetry."""
import base64, random

SIGNALS = ("traces", "metrics", "logs")
START = 1_700_000_000_000_000_000
WORDS = ["", "a", "GET /cart/{id}", "shop", "été", "雪と氷", "🚲 way", "line\nbreak\ttab", "quote\"back\\slash", "</script>&", "\u2028", "nul\x00byte", "x" * 300]
KEYS = ["http.method", "http.status_code", "db.system", "user.id", "n", "ü", "k.1", "k.2", "k.3", "k.4"]
TEMPORALITIES = (1, 2)


class Telemetry:
    """Makes requests. `special` allows NaN and infinities, `depth` bounds how far values nest."""

    def __init__(self, seed, special=True, depth=3):
        self.random, self.special, self.depth = random.Random(seed), special, depth

    def request(self, signal, items=20):
        return {"traces": self.traces, "metrics": self.metrics, "logs": self.logs}[signal](items)

    def traces(self, spans=20):
        return {"resourceSpans": self._groups("scopeSpans", "spans", self.span, spans)}

    def metrics(self, metrics=20):
        return {"resourceMetrics": self._groups("scopeMetrics", "metrics", self.metric, metrics)}

    def logs(self, records=20):
        return {"resourceLogs": self._groups("scopeLogs", "logRecords", self.log, records)}

    # Small choices.

    def chance(self, share):
        return self.random.random() < share

    def id(self, size):
        return "%0*x" % (2 * size, self.random.getrandbits(8 * size) | 1)

    def time(self):
        return str(START + self.random.randrange(10**12))

    def word(self):
        return self.random.choice(WORDS)

    def integer(self):
        return self.random.choice([0, 1, -1, 200, 2**31, -2**63, 2**63 - 1, 2**53 + 1, self.random.randrange(-10**6, 10**6)])

    def double(self):
        special = ["NaN", "Infinity", "-Infinity"] if self.special else []
        return self.random.choice([0.0, 1.0, -1.5, 0.1, 1e300, 5e-324, 1e21, 123456789.125, self.random.uniform(-1e3, 1e3), *special])

    def fields(self, **choices):
        """Each of the fields with probability 0.7; a field is a value or how to make one."""
        return {name: make() if callable(make) else make for name, make in choices.items() if self.chance(0.7)}

    # Values.

    def value(self, depth=None):
        depth = self.depth if depth is None else depth
        kinds = ["stringValue"] * 4 + ["intValue"] * 2 + ["boolValue", "doubleValue", "bytesValue", "empty"]
        if depth > 0:
            kinds += ["arrayValue", "kvlistValue"]
        kind = self.random.choice(kinds)
        if kind == "empty":
            return {}
        if kind == "arrayValue":
            return {kind: {"values": [self.value(depth - 1) for _ in range(self.random.randrange(4))]}}
        if kind == "kvlistValue":
            return {kind: {"values": self.attributes(self.random.randrange(4), depth - 1)}}
        return {kind: {"stringValue": self.word, "intValue": lambda: str(self.integer()), "boolValue": lambda: self.chance(0.5), "doubleValue": self.double,
                       "bytesValue": lambda: base64.b64encode(self.random.randbytes(self.random.randrange(9))).decode()}[kind]()}

    def attributes(self, most=5, depth=None):
        keys = self.random.sample(KEYS, self.random.randrange(min(most, len(KEYS)) + 1))
        return [{"key": key, "value": self.value(depth)} for key in keys]

    # Items.

    def _groups(self, scopes_name, items_name, make, count):
        """`count` items spread over a few resources and scopes."""
        groups = []
        while count > 0:
            group = {"resource": self.fields(attributes=self.attributes, droppedAttributesCount=self.random.randrange(3)), scopes_name: []}
            group["resource"].setdefault("attributes", []).append({"key": "service.name", "value": {"stringValue": self.random.choice(["shop", "till", "雪"])}})
            group.update(self.fields(schemaUrl="https://opentelemetry.io/schemas/1.26.0"))
            for _ in range(self.random.randrange(1, 4)):
                share = self.random.randrange(1, 8)
                scope = {"scope": self.fields(name=self.word, version="1.2.3", attributes=self.attributes, droppedAttributesCount=self.random.randrange(3))}
                scope.update(self.fields(schemaUrl=self.word))
                scope[items_name] = [make() for _ in range(max(0, min(share, count)))]
                count -= share
                group[scopes_name].append(scope)
            groups.append(group)
        return groups

    def span(self):
        start = START + self.random.randrange(10**12)
        span = {"traceId": self.id(16), "spanId": self.id(8), "name": self.word()}
        span.update(self.fields(
            parentSpanId=lambda: self.id(8), traceState="a=1,ot=th:8", flags=self.random.choice([0, 1, 257, 768]), kind=self.random.randrange(6),
            startTimeUnixNano=str(start), endTimeUnixNano=str(start + self.random.randrange(10**10)), attributes=self.attributes,
            droppedAttributesCount=self.random.randrange(3), droppedEventsCount=self.random.randrange(3), droppedLinksCount=self.random.randrange(3),
            events=lambda: [self.event() for _ in range(self.random.randrange(3))], links=lambda: [self.link() for _ in range(self.random.randrange(3))],
            status=lambda: self.fields(code=self.random.randrange(3), message=self.word)))
        return span

    def event(self):
        return self.fields(timeUnixNano=self.time, name=self.word, attributes=self.attributes, droppedAttributesCount=self.random.randrange(3))

    def link(self):
        return {"traceId": self.id(16), "spanId": self.id(8),
                **self.fields(traceState="b=2", flags=self.random.choice([0, 1, 768]), attributes=self.attributes, droppedAttributesCount=1)}

    def log(self):
        return self.fields(timeUnixNano=self.time, observedTimeUnixNano=self.time, severityNumber=self.random.randrange(25), severityText=self.word, body=self.value,
                           attributes=self.attributes, droppedAttributesCount=self.random.randrange(3), flags=self.random.randrange(2), traceId=self.id(16),
                           spanId=self.id(8), eventName=self.word)

    def metric(self):
        kind = self.random.choice(["gauge", "sum", "histogram", "exponentialHistogram", "summary"])
        make = {"gauge": self.number_point, "sum": self.number_point, "histogram": self.histogram_point,
                "exponentialHistogram": self.exponential_point, "summary": self.summary_point}[kind]
        data = {"dataPoints": [make() for _ in range(self.random.randrange(4))]}
        if kind in ("sum", "histogram", "exponentialHistogram"):
            data["aggregationTemporality"] = self.random.choice(TEMPORALITIES)
        if kind == "sum":
            data.update(self.fields(isMonotonic=True))
        return {"name": self.word(), kind: data, **self.fields(description=self.word, unit="ms", metadata=self.attributes)}

    def point(self):
        return self.fields(attributes=self.attributes, startTimeUnixNano=self.time, timeUnixNano=self.time, flags=self.random.randrange(2))

    def number(self):
        return {"asInt": str(self.integer())} if self.chance(0.5) else {"asDouble": self.double()}

    def exemplar(self):
        return {**self.number(), **self.fields(filteredAttributes=self.attributes, timeUnixNano=self.time, traceId=self.id(16), spanId=self.id(8))}

    def exemplars(self):
        return [self.exemplar() for _ in range(self.random.randrange(3))]

    def number_point(self):
        return {**self.point(), **(self.number() if self.chance(0.9) else {}), **self.fields(exemplars=self.exemplars)}

    def statistics(self, counts):
        return {"count": str(sum(counts)), **self.fields(sum=self.double, min=self.double, max=self.double)}

    def histogram_point(self):
        bounds = sorted(self.random.sample(range(-10, 1000), self.random.randrange(6)))
        counts = [self.random.choice([0, 3, 2**40]) for _ in range(len(bounds) + 1)]
        return {**self.point(), **self.statistics(counts), "bucketCounts": [str(n) for n in counts], "explicitBounds": [float(b) for b in bounds],
                **self.fields(exemplars=self.exemplars)}

    def buckets(self):
        return {"offset": self.random.randrange(-20, 20), "bucketCounts": [str(self.random.randrange(500)) for _ in range(self.random.randrange(1, 6))]}

    def exponential_point(self):
        positive, negative, zero = self.buckets(), self.buckets(), self.random.randrange(4)
        counts = [int(n) for n in positive["bucketCounts"] + negative["bucketCounts"]] + [zero]
        return {**self.point(), **self.statistics(counts), "scale": self.random.randrange(-10, 20), "zeroCount": str(zero), "positive": positive, "negative": negative,
                **self.fields(zeroThreshold=0.5, exemplars=self.exemplars)}

    def summary_point(self):
        return {**self.point(), **self.fields(count=str(self.random.randrange(100)), sum=self.double),
                "quantileValues": [{"quantile": q, "value": self.double()} for q in self.random.sample([0.0, 0.5, 0.99, 1.0], self.random.randrange(5))]}
