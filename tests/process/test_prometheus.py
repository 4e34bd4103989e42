"""The Prometheus family on the real binary: scraping what was sent, over sockets, with several cores."""
import gzip, http.client, os, sys, unittest

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
