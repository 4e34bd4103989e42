"""Log lines over the network: syslog, tcplog, udplog, fluentforward."""
import os, sys, unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import *

CONFIG = """
receivers:
  %(receiver)s
exporters:
  otlphttp: {endpoint: "http://127.0.0.1:%(sink)d", encoding: json, compression: none, sending_queue: {enabled: false}, retry_on_failure: {enabled: false}}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {logs: {receivers: [%(name)s], exporters: [otlphttp]}}
"""


def records(sink):
    return [record for request in sink.json() for group in request["resourceLogs"] for scope in group["scopeLogs"] for record in scope["logRecords"]]


def attributes(record):
    return {kv["key"]: next(iter(kv["value"].values()), None) for kv in record.get("attributes", [])}


class Lines(unittest.TestCase):
    def setUp(self):
        self.sink, self.port = Sink(), free_port()
        self.addCleanup(self.sink.close)

    def weir(self, receiver, ready=True):
        text = CONFIG % {"receiver": receiver % self.port, "name": receiver.split(":")[0], "sink": self.sink.port}
        return Weir(text, ready=[self.port] if ready else [])

    def arrived(self, count):
        wait_for(lambda: len(records(self.sink)) >= count, what="%d records" % count)
        return records(self.sink)

    def bodies(self, count):
        return [record["body"]["stringValue"] for record in self.arrived(count)]

    def send(self, data):
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            connection.sendall(data)

    def test_tcplog(self):
        with self.weir('tcplog: {listen_address: "127.0.0.1:%d", add_attributes: true}'):
            self.send(b"one\ntwo\n\nthree")
            self.assertEqual(self.bodies(3), ["one", "two", "three"])
            self.assertEqual(attributes(records(self.sink)[0])["net.peer.ip"], "127.0.0.1")

    def test_tcplog_waits_for_the_pipeline(self):
        self.sink.answer = lambda path, body: (503, {})
        with self.weir('tcplog: {listen_address: "127.0.0.1:%d", retry_on_failure: {enabled: true, initial_interval: 50ms, max_interval: 100ms}}'):
            lines = [b"%06d %s" % (i, b"x" * 1000) for i in range(12_000)]

            def write():
                self.send(b"\n".join(lines) + b"\n")

            thread = threading.Thread(target=write)
            thread.start()
            time.sleep(1)
            self.sink.answer = lambda path, body: (200, {})
            thread.join()
            self.assertEqual(sorted(self.bodies(len(lines))), [line.decode() for line in lines])

    def test_udplog(self):
        with self.weir('udplog: {listen_address: "127.0.0.1:%d"}', ready=False) as weir:
            wait_for(lambda: "Everything is ready" in weir.output())
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.sendto(b"one\nstill one\n", ("127.0.0.1", self.port))
                sender.sendto(b"two", ("127.0.0.1", self.port))
            self.assertEqual(self.bodies(2), ["one\nstill one", "two"])

    def test_syslog_over_tcp_and_udp(self):
        message = b"<165>1 2003-10-11T22:14:15.003Z host app 8710 ID47 - An event"
        with self.weir('syslog: {protocol: rfc5424, tcp: {listen_address: "127.0.0.1:%d"}}'):
            self.send(message + b"\n")
            record = self.arrived(1)[0]
            self.assertEqual((record["timeUnixNano"], record["severityText"], attributes(record)["message"]), ("1065910455003000000", "notice", "An event"))
        self.sink.requests.clear()
        with self.weir('syslog: {protocol: rfc5424, udp: {listen_address: "127.0.0.1:%d"}}', ready=False) as weir:
            wait_for(lambda: "Everything is ready" in weir.output())
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.sendto(message, ("127.0.0.1", self.port))
            self.assertEqual(attributes(self.arrived(1)[0])["appname"], "app")

    def test_syslog_with_lengths(self):
        messages = [b"<13>1 - - - - - - one", b"<13>1 2024-01-02T03:04:05Z h a - - - two\nlines"]
        with self.weir('syslog: {protocol: rfc5424, enable_octet_counting: true, tcp: {listen_address: "127.0.0.1:%d"}}'):
            with socket.create_connection(("127.0.0.1", self.port)) as connection:
                for message in messages:
                    frame = b"%d %s" % (len(message), message)
                    connection.sendall(frame[:5])
                    time.sleep(0.05)
                    connection.sendall(frame[5:])
            self.assertEqual([attributes(record).get("message") for record in self.arrived(2)], ["one", "two\nlines"])

    def forward(self, count, size):
        """A message of the forward protocol with a chunk to acknowledge: ["t", [[1700000000, {"m": text}], ...], {"chunk": "c"}]."""
        entry = b"\x92\xce" + (1700000000).to_bytes(4, "big") + b"\x81\xa1m\xda" + size.to_bytes(2, "big") + b"x" * size
        return b"\x93\xa1t\xdd" + count.to_bytes(4, "big") + entry * count + b"\x81\xa5chunk\xa1c"

    def answer_to(self, message):
        with socket.create_connection(("127.0.0.1", self.port), 20) as connection:
            connection.sendall(message)
            return connection.recv(100)

    def test_a_chunk_is_acknowledged_when_all_of_it_has_arrived(self):
        with self.weir('fluentforward: {endpoint: "127.0.0.1:%d"}'):
            self.assertEqual(self.answer_to(self.forward(3000, 300)), b"\x81\xa3ack\xa1c")
            self.assertGreater(len(self.sink.requests), 1)
            self.assertEqual(len(records(self.sink)), 3000)
            refused = iter([503])
            self.sink.answer = lambda path, body: (next(refused, 200), {})
            self.assertEqual(self.answer_to(self.forward(3000, 300)), b"")  # one part did not arrive


if __name__ == "__main__":
    unittest.main()
