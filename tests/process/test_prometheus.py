"""The Prometheus family on the real binary: scraping what was sent, over sockets, with several cores."""
import gzip, http.client, os, struct, sys, unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import *


def points(name, values, service="shop"):
    rows = [{"asDouble": v, "timeUnixNano": "1700000060000000000", "attributes": [{"key": "k", "value": {"stringValue": str(i)}}]} for i, v in enumerate(values)]
    return {"resourceMetrics": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]},
                                 "scopeMetrics": [{"metrics": [{"name": name, "gauge": {"dataPoints": rows}}]}]}]}


def scrape(port, path="/metrics", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})
    response = connection.getresponse()
    try:
        return response.status, dict((k.lower(), v) for k, v in response.getheaders()), response.read()
    finally:
        connection.close()


def varint(n):
    out = b""
    while n >= 0x80:
        out, n = out + bytes([n & 0x7F | 0x80]), n >> 7
    return out + bytes([n])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 1) + struct.pack("<d", value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def write_request(series):
    """A remote write 1.0 request as a snappy block of literals; series: [(labels, value, milliseconds)]."""
    body = b""
    for labels, value, time in series:
        one = b"".join(field(1, field(1, k.encode()) + field(2, v.encode())) for k, v in sorted(labels.items()))
        body += field(1, one + field(2, field(1, float(value)) + field(2, time)))
    packed = varint(len(body))
    for at in range(0, len(body), 256):
        piece = body[at:at + 256]
        packed += bytes([60 << 2, len(piece) - 1]) + piece
    return packed


REMOTE_WRITE = {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy", "X-Prometheus-Remote-Write-Version": "0.1.0"}


class Receiver(unittest.TestCase):
    def test_remote_write_in_scrape_out(self):
        port, out = free_port(), free_port()
        config = """
receivers: {prometheusremotewrite: {endpoint: "127.0.0.1:%d"}}
exporters: {prometheus: {endpoint: "127.0.0.1:%d", without_scope_info: true}}
service: {telemetry: {metrics: {level: none}}, pipelines: {metrics: {receivers: [prometheusremotewrite], exporters: [prometheus]}}}
""" % (port, out)
        with Weir(config, args=["--cores", "2"], ready=[port, out]) as weir:
            series = [({"__name__": "g", "job": "j", "instance": "i%d" % i}, i, 1700000000000) for i in range(50)]
            self.assertEqual(post(port, "/api/v1/write", write_request(series), REMOTE_WRITE)[0], 204)
            self.assertEqual(post(port, "/api/v1/write", write_request([({"job": "j"}, 1, 1)]), REMOTE_WRITE)[0], 400)
            self.assertEqual(post(port, "/api/v1/write", b"\xff\xff", REMOTE_WRITE)[0], 400)
            self.assertEqual(post(port, "/api/v1/write", b"", {"Content-Type": "application/json"})[0], 415)
            self.assertEqual(post(port, "/write", b"", REMOTE_WRITE)[0], 404)
            body = scrape(out)[2].decode()
            self.assertEqual(len([l for l in body.splitlines() if l.startswith("g{")]), 50)
            self.assertIn('g{instance="i7",job="j"} 7\n', body)
            self.assertEqual(weir.stop(), 0)


class Exporter(unittest.TestCase):
    def test_all_cores_feed_one_endpoint(self):
        port, out = free_port(), free_port()
        config = """
receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:%d"}}}}
exporters: {prometheus: {endpoint: "127.0.0.1:%d", without_scope_info: true}}
service: {telemetry: {metrics: {level: none}}, pipelines: {metrics: {receivers: [otlp], exporters: [prometheus]}}}
""" % (port, out)
        with Weir(config, args=["--cores", "4"], ready=[port, out]) as weir:
            for i in range(20):
                self.assertEqual(post(port, "/v1/metrics", points("g", range(200), "s%d" % i))[0], 200)
            status, headers, body = scrape(out)
            self.assertEqual(status, 200)
            self.assertEqual(headers["content-type"], "text/plain; version=0.0.4; charset=utf-8; escaping=underscores")
            lines = [l for l in body.decode().splitlines() if l.startswith("g{")]
            self.assertEqual(len(lines), 4000)
            self.assertIn('g{job="s7",k="199"} 199', lines)
            status, headers, packed = scrape(out, Accept_Encoding="gzip")
            self.assertEqual(headers["content-encoding"], "gzip")
            self.assertEqual(gzip.decompress(packed), body)
            self.assertEqual(scrape(out, "/")[0], 404)
            self.assertEqual(weir.stop(), 0)


if __name__ == "__main__":
    unittest.main()
