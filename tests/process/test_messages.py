"""What is said, and done, about peers that speak another protocol than was expected."""
import os, ssl, subprocess, sys, tempfile, threading, unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import *


class Talker:
    """Answers each connection's first bytes with the next of `answers`, the last one again and again."""

    def __init__(self, *answers):
        self.answers, self.bodies = list(answers), []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(connection,), daemon=True).start()

    def talk(self, connection):
        with connection, contextlib.suppress(OSError):
            self.bodies.append(connection.recv(1 << 20))
            connection.sendall(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])

    def close(self):
        self.listener.close()


def answer(status, body, kind="application/json"):
    return ("HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (status, kind, len(body), body)).encode()


RETRY = "    retry_on_failure: {initial_interval: 50ms, max_interval: 100ms}\n"


class Messages(unittest.TestCase):
    def backend(self, *answers):
        talker = Talker(*answers)
        self.addCleanup(talker.close)
        return talker

    def test_tls_towards_a_plain_backend_names_the_endpoint_and_the_setting(self):
        plain = self.backend(b"")
        for exporter, endpoint in (("otlp", "127.0.0.1:%d" % plain.port), ("otlphttp", "https://127.0.0.1:%d" % plain.port)):
            with self.subTest(exporter):
                port = free_port()
                config = pipeline(port, plain.port, exporter=RETRY).replace("http://127.0.0.1:%d" % plain.port, endpoint)
                if exporter == "otlp":
                    config = config.replace("  otlphttp:\n", "  otlp:\n").replace("    encoding: json\n", "").replace("exporters: [otlphttp]", "exporters: [otlp]")
                with Weir(config, ready=[port]) as weir:
                    self.assertEqual(post(port, "/v1/traces", traces(1))[0], 200)
                    line = wait_for(lambda: next((l for l in weir.output().splitlines() if "Exporting failed" in l), None), what="a failed attempt")
                    self.assertIn("127.0.0.1:%d" % plain.port, line)
                    self.assertIn("tls::insecure" if exporter == "otlp" else "http://", line)

    def test_a_failed_handshake_of_a_client_is_said(self):
        with tempfile.TemporaryDirectory(prefix="weir-test-") as folder:
            key, certificate = os.path.join(folder, "key.pem"), os.path.join(folder, "cert.pem")
            subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=localhost"],
                           check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            port = free_port()
            config = pipeline(port, 1).replace("endpoint: 127.0.0.1:%d\n" % port, "endpoint: 127.0.0.1:%d\n        tls: {cert_file: %s, key_file: %s}\n" % (port, certificate, key), 1)
            with Weir(config, ready=[port]) as weir:
                with socket.create_connection(("127.0.0.1", port)) as client:
                    client.sendall(b"POST /v1/traces HTTP/1.1\r\n\r\n")
                    client.recv(100)
                wait_for(lambda: "TLS handshake" in weir.output(), what="a line about the handshake")
                strict = ssl.create_default_context()
                with socket.create_connection(("127.0.0.1", port)) as client, self.assertRaises(ssl.SSLError):
                    strict.wrap_socket(client, server_hostname="localhost")

    def test_a_backend_that_answers_no_http_is_tried_again(self):
        backend = self.backend(b"SSH-2.0-OpenSSH_9.2\r\n", answer("200 OK", "{}"))
        port = free_port()
        with Weir(pipeline(port, backend.port, exporter=RETRY), ready=[port]) as weir:
            self.assertEqual(post(port, "/v1/traces", traces(1))[0], 200)
            wait_for(lambda: len(backend.bodies) >= 2, what="a second attempt")
            self.assertEqual(weir.stop(), 0)
            self.assertNotIn("Dropping data", weir.output())

    def test_what_a_backend_rejects_of_a_request_is_said_and_counted(self):
        for body, kind in (('{"partialSuccess":{"rejectedSpans":"2","errorMessage":"too old"}}', "application/json"), ("\x0a\x0b\x08\x02\x12\x07too old", "application/x-protobuf")):
            with self.subTest(kind):
                backend, port, metrics = self.backend(answer("200 OK", body, kind)), free_port(), free_port()
                told = "metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: %d}}}}]}" % metrics
                with Weir(pipeline(port, backend.port, telemetry=told), ready=[port, metrics]) as weir:
                    self.assertEqual(post(port, "/v1/traces", traces(1, 2, 3))[0], 200)
                    wait_for(lambda: re.search(r"weir_exporter_rejected_spans\{[^}]*\} 2\n", get(metrics, "/metrics")[1]), what="two rejected spans")
                    self.assertIn("too old", weir.output())

    def test_all_addresses_means_both_families(self):
        if not socket.has_ipv6:
            self.skipTest("no IPv6 here")
        for host in ("0.0.0.0", "[::]"):
            with self.subTest(host):
                sink, port = Sink(), free_port()
                self.addCleanup(sink.close)
                with Weir(pipeline(port, sink.port).replace("127.0.0.1:%d\n" % port, "'%s:%d'\n" % (host, port), 1), ready=[port]):
                    for address in ("127.0.0.1", "::1"):
                        socket.create_connection((address, port), timeout=5).close()


if __name__ == "__main__":
    unittest.main()
