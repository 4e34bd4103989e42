"""Who may send: authenticators of receivers, credentials of exporters, TLS between the two, in two real processes."""
import os, sys, unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import *

EDGE = """
receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:%(port)d"}}}}
exporters:
  %(exporter)s
extensions: {%(extension)s}
service:
  extensions: [%(name)s]
  telemetry: {metrics: {level: none}}
  pipelines: {traces: {receivers: [otlp], exporters: [%(type)s]}}
"""
CENTRE = """
receivers:
  otlp:
    protocols:
      http: {endpoint: "127.0.0.1:%(http)d", auth: {authenticator: %(name)s}%(more)s}
      grpc: {endpoint: "127.0.0.1:%(grpc)d", auth: {authenticator: %(name)s}%(more)s}
exporters: {otlphttp: {endpoint: "http://127.0.0.1:%(sink)d", encoding: json, compression: none}}
extensions: {%(extension)s}
service:
  extensions: [%(name)s]
  telemetry: {metrics: {level: none}}
  pipelines: {traces: {receivers: [otlp], exporters: [otlphttp]}}
"""
WAYS = {"basicauth": ("basicauth: {htpasswd: {inline: 'ann:secret'}}", "basicauth: {client_auth: {username: ann, password: %s}}"),
        "bearertokenauth": ("bearertokenauth: {token: secret}", "bearertokenauth: {token: %s}")}


class Auth(unittest.TestCase):
    def setUp(self):
        self.sink, self.http, self.grpc = Sink(), free_port(), free_port()
        self.addCleanup(self.sink.close)

    def exporter(self, kind, name, scheme="http", tls=""):
        port = self.grpc if kind == "otlp" else self.http
        # Without queue and retry the sender hears what the centre says.
        return "%s: {endpoint: '%s://127.0.0.1:%d', auth: {authenticator: %s}, sending_queue: {enabled: false}, retry_on_failure: {enabled: false}%s}" % (
            kind, scheme, port, name, tls)

    def through(self, name, password, kind, more="", scheme="http", tls=""):
        """The status that a sender gets at the edge."""
        port, (server, client) = free_port(), WAYS[name]
        centre = CENTRE % {"http": self.http, "grpc": self.grpc, "name": name, "sink": self.sink.port, "extension": server, "more": more}
        edge = EDGE % {"port": port, "exporter": self.exporter(kind, name, scheme, tls), "extension": client % password, "name": name, "type": kind}
        with Weir(centre, ready=[self.http, self.grpc]), Weir(edge, ready=[port]):
            return post(port, "/v1/traces", traces(1))[0]

    def test_the_right_credentials_let_in(self):
        for name in WAYS:
            for kind in ("otlp", "otlphttp"):
                with self.subTest(name=name, kind=kind):
                    self.sink.requests.clear()
                    self.assertEqual(self.through(name, "secret", kind), 200)
                    wait_for(lambda: len(self.sink.spans()) == 1)

    def test_wrong_ones_do_not(self):
        for name in WAYS:
            for kind in ("otlp", "otlphttp"):
                with self.subTest(name=name, kind=kind):
                    self.assertNotEqual(self.through(name, "wrong", kind), 200)
        self.assertEqual(self.sink.spans(), [])

    def test_none_is_unauthenticated(self):
        centre = CENTRE % {"http": self.http, "grpc": self.grpc, "name": "basicauth", "sink": self.sink.port, "extension": WAYS["basicauth"][0], "more": ""}
        with Weir(centre, ready=[self.http]):
            self.assertEqual(post(self.http, "/v1/traces", traces(1))[0], 401)
            self.assertEqual(post(self.http, "/v1/traces", traces(1), {"Content-Type": "application/json", "Authorization": "Basic YW5uOnNlY3JldA=="})[0], 200)

    def test_over_tls(self):
        with tempfile.TemporaryDirectory() as folder:
            key, certificate = os.path.join(folder, "key.pem"), os.path.join(folder, "cert.pem")
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", certificate,
                            "-days", "1", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
            for kind in ("otlp", "otlphttp"):
                with self.subTest(kind=kind):
                    server = ", tls: {cert_file: '%s', key_file: '%s'}" % (certificate, key)
                    self.assertEqual(self.through("basicauth", "secret", kind, server, "https", ", tls: {ca_file: '%s'}" % certificate), 200)
                    self.assertNotEqual(self.through("basicauth", "secret", kind, server, "https"), 200)


if __name__ == "__main__":
    unittest.main()
