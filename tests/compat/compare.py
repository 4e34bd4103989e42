"""What OTLP JSON says, apart from the order and the grouping of things, and a readable difference of two such views.

A *record* is one span, log record or data point with its resource and scope, as a flat dictionary: path -> text of the value.
"""
import base64, collections, re

INTEGERS = {"intValue", "asInt", "count", "zeroCount", "bucketCounts", "timeUnixNano", "startTimeUnixNano", "endTimeUnixNano", "observedTimeUnixNano"}
DOUBLES = {"doubleValue", "asDouble", "sum", "min", "max", "zeroThreshold", "quantile", "value", "explicitBounds"}
OPTIONAL = {"asInt", "asDouble", "sum", "min", "max"}  # zero is not the same as absent
KINDS = ("gauge", "sum", "histogram", "exponentialHistogram", "summary")
ITEMS = {"resourceSpans": ("scopeSpans", "spans", "span"), "resourceLogs": ("scopeLogs", "logRecords", "log"), "resourceMetrics": ("scopeMetrics", "metrics", "metric")}
TIME = re.compile(r"(?i)timeUnixNano$")


def value_text(value):
    """An AnyValue as text that tells types apart: 1, 1.0, '1', b'1', True, None."""
    if "arrayValue" in value:
        return "[%s]" % ", ".join(value_text(v) for v in value["arrayValue"].get("values", []))
    if "kvlistValue" in value:
        pairs = ["%r: %s" % (pair.get("key", ""), value_text(pair.get("value", {}))) for pair in value["kvlistValue"].get("values", [])]
        return "{%s}" % ", ".join(sorted(pairs))
    for name, content in value.items():
        return {"stringValue": repr, "boolValue": lambda v: repr(bool(v)), "intValue": lambda v: repr(int(v)), "doubleValue": lambda v: repr(float(v)),
                "bytesValue": lambda v: repr(base64.b64decode(v))}[name](content)
    return "None"


def is_attributes(name):
    return name in ("attributes", "filteredAttributes", "metadata")


def flatten(node, path, name, out):
    """Adds the leaves below `node` to `out`; what has its default value is left out."""
    if isinstance(node, dict):
        if name in ("body",):
            if value_text(node) != "None":
                out[path] = value_text(node)
            return
        for key, child in node.items():
            flatten(child, "%s.%s" % (path, key), key, out)
    elif isinstance(node, list) and is_attributes(name):
        for pair in node:
            place = "%s[%s]" % (path, pair.get("key", ""))
            while place in out:
                place += "'"
            out[place] = value_text(pair.get("value", {}))
    elif isinstance(node, list):
        for i, child in enumerate(node):
            if isinstance(child, dict):
                flatten(child, "%s[%d]" % (path, i), None, out)
            else:
                out["%s[%d]" % (path, i)] = repr(float(child) if name in DOUBLES else int(child) if name in INTEGERS else child)
    elif name in INTEGERS or name in DOUBLES:
        number = int(node) if name in INTEGERS else float(node)
        if number or (name in OPTIONAL and ".summary." not in path):
            out[path] = repr(number)
    elif node or node == 0 and node is not False and name in OPTIONAL:
        out[path] = repr(node)


def metric_records(metric, base):
    """A record for each data point, one with the metric alone when there is none."""
    kind = next((kind for kind in KINDS if kind in metric), "none")
    data = dict(metric.get(kind, {}))
    points = data.pop("dataPoints", [])
    out = dict(base)
    flatten({**{key: value for key, value in metric.items() if key != kind}, "type": kind, **data}, "metric", None, out)
    if not points:
        return [out]
    records = []
    for point in points:
        record = dict(out)
        flatten(point, "point.summary" if kind == "summary" else "point", None, record)
        records.append(record)
    return records


def records(requests, drop_times=False, ignore=(), keep=None):
    """The records of OTLP JSON requests. `ignore`: regular expressions of paths to leave out; `keep(record)`: which to keep."""
    drop = [re.compile(pattern) for pattern in ignore] + ([TIME] if drop_times else [])
    found = []
    for request in requests:
        for groups, (scopes, items, name) in ITEMS.items():
            for group in request.get(groups, []):
                for scope in group.get(scopes, []):
                    base = {}
                    flatten({**group.get("resource", {}), "schemaUrl": group.get("schemaUrl", "")}, "resource", None, base)
                    flatten({**scope.get("scope", {}), "schemaUrl": scope.get("schemaUrl", "")}, "scope", None, base)
                    for item in scope.get(items, []):
                        if name == "metric":
                            found += metric_records(item, base)
                        else:
                            record = dict(base)
                            flatten(item, name, None, record)
                            found.append(record)
    found = [{path: text for path, text in record.items() if not any(d.search(path) for d in drop)} for record in found]
    return [record for record in found if keep is None or keep(record)]


def title(record):
    keys = ("span.name", "span.spanId", "metric.name", "metric.type", "log.body", "log.spanId")
    return " ".join("%s=%s" % (key, record[key][:60]) for key in keys if key in record) or "record"


def similarity(a, b):
    return len(a.items() & b.items()) / max(1, len(a.keys() | b.keys()))


def difference(reference, other, names=("otelcol", "weir"), most=12):
    """"" when both hold the same records, else what differs: the most alike are shown side by side, field by field."""
    def count(list_of_records):
        return collections.Counter(frozenset(record.items()) for record in list_of_records)
    a, b = count(reference), count(other)
    only_a, only_b = list((a - b).elements()), list((b - a).elements())
    if not only_a and not only_b:
        return ""
    lines = ["%d records from %s, %d from %s; %d and %d without an equal" % (len(reference), names[0], len(other), names[1], len(only_a), len(only_b))]
    only_a, only_b = sorted(map(dict, only_a), key=title), sorted(map(dict, only_b), key=title)
    for left in only_a[:most]:
        best = max(only_b, key=lambda right: similarity(left, right), default=None)
        if best is None or similarity(left, best) < 0.3:
            lines.append("only from %s: %s" % (names[0], left))
            continue
        only_b.remove(best)
        lines.append(title(left))
        for path in sorted(left.keys() | best.keys()):
            if left.get(path) != best.get(path):
                lines.append("  %s: %s %s, %s %s" % (path, names[0], left.get(path, "(absent)"), names[1], best.get(path, "(absent)")))
    if len(only_a) <= most:
        lines += ["only from %s: %s" % (names[1], right) for right in only_b[:most]]
    return "\n".join(lines)
