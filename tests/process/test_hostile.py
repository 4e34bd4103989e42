"""Input that means harm, and more input than can be sent on: refused, bounded, and others are served meanwhile."""
import os, random, resource, signal, socket, struct, sys, threading, time, unittest, zlib

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import *

MIB = 1024 * 1024
LIMIT = 256 * MIB
LIMITER = "  memory_limiter: {check_interval: 1s, limit_mib: 256}\n"


class Watch(threading.Thread):
    """Samples a process's resident memory every 100 ms."""

    def __init__(self, weir):
        super().__init__(daemon=True)
        self.weir, self.peak, self.ended = weir, 0, threading.Event()
        self.start()

    def run(self):
        while not self.ended.wait(0.1):
            try:
                self.peak = max(self.peak, self.weir.rss())
            except (FileNotFoundError, ProcessLookupError):
                return

    def stop(self):
        self.ended.set()
        self.join()
        return self.peak


def gzip_bomb(size):
    """gzip of `size` zero bytes, made without holding them."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = bytes(MIB)
    return b"".join(packer.compress(block) for _ in range(size // MIB)) + packer.flush()


class Hostile(unittest.TestCase):
    def setUp(self):
        self.sink, self.port, self.grpc = Sink(), free_port(), free_port()
        self.addCleanup(self.sink.close)
        config = pipeline(self.port, self.sink.port, processors=LIMITER, chain="memory_limiter")
        config = config.replace("    protocols:\n", "    protocols:\n      grpc: {endpoint: '127.0.0.1:%d'}\n" % self.grpc)
        self.weir = Weir(config, ready=[self.port, self.grpc])
        self.addCleanup(self.weir.__exit__)
        self.watch = Watch(self.weir)

    def tearDown(self):
        peak = self.watch.stop()
        self.assertLess(peak, LIMIT, "peak resident memory %d MiB" % (peak // MIB))

    def serves_others(self):
        self.assertEqual(post(self.port, "/v1/traces", traces(1))[0], 200)

    def test_compression_bombs(self):
        bomb = gzip_bomb(2048 * MIB)
        headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}
        threads = [threading.Thread(target=post, args=(self.port, "/v1/traces", bomb, headers, 60)) for _ in range(4)]
        for t in threads:
            t.start()
        self.serves_others()
        for t in threads:
            t.join()
        self.assertIn(post(self.port, "/v1/traces", bomb, headers, 60)[0], (400, 413))
        self.serves_others()

    def test_many_slow_connections(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = min(10_000, hard - 200)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted + 100), hard))
        open_sockets = []
        for i in range(wanted):
            s = socket.socket()
            s.settimeout(5)
            try:
                s.connect(("127.0.0.1", self.port if i % 2 else self.grpc))
                s.send(b"POST /v1/traces HTTP/1.1\r\nHost: x\r\n" if i % 2 else b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            except OSError:
                s.close()
                continue
            open_sockets.append(s)
        self.serves_others()
        for s in open_sockets:
            s.close()
        self.serves_others()

    def test_endless_headers(self):
        with socket.create_connection(("127.0.0.1", self.port), 10) as s:
            s.sendall(b"POST /v1/traces HTTP/1.1\r\nHost: x\r\n")
            sent = 0
            with self.assertRaises(OSError):
                while sent < 64 * MIB:
                    s.sendall(b"X-Filler: " + b"a" * 4000 + b"\r\n")
                    sent += 4012
            self.assertLess(sent, 64 * MIB)
        self.serves_others()

    def test_garbage_on_every_port(self):
        rng = random.Random(1)
        for port in (self.port, self.grpc):
            for _ in range(200):
                with socket.create_connection(("127.0.0.1", port), 5) as s:
                    try:
                        s.sendall(rng.randbytes(rng.randrange(1, 5000)))
                        s.shutdown(socket.SHUT_WR)
                        s.recv(4096)
                    except OSError:
                        pass
        self.serves_others()

    def test_rapid_resets(self):
        def frame(kind, flags, stream, payload):
            return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload

        # HPACK literals without indexing: :method POST, :scheme http, :path /x, :authority x
        head = b"\x83\x86\x04\x02/x\x01\x01x"
        with socket.create_connection(("127.0.0.1", self.grpc), 10) as s:
            s.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b""))
            closed = False
            try:
                for burst in range(2000):
                    data = b"".join(frame(1, 4, 2 * i + 1, head) + frame(3, 0, 2 * i + 1, b"\0\0\0\x08")
                                    for i in range(burst * 50, burst * 50 + 50))
                    s.sendall(data)
            except OSError:
                closed = True
            self.assertTrue(closed, "100,000 resets were taken")
        self.serves_others()

    def test_deep_json(self):
        deep = b'{"resourceSpans":' + b"[" * 200_000 + b"]" * 200_000 + b"}"
        self.assertEqual(post(self.port, "/v1/traces", deep, {"Content-Type": "application/json"})[0], 400)
        self.serves_others()


class Overload(unittest.TestCase):
    """More than the backend takes: memory stays below the limit, refusals are retryable, and what was answered OK arrives."""

    def test_a_blocked_backend(self):
        sink, port = Sink(), free_port()
        self.addCleanup(sink.close)
        released = threading.Event()
        sink.answer = lambda path, body: (released.wait(120), (200, {}))[1]
        config = pipeline(port, sink.port, processors=LIMITER + "  batch: {}\n", chain="memory_limiter, batch",
                          exporter="    timeout: 100s\n    sending_queue: {queue_size: 100000}")
        with Weir(config, ready=[port]) as weir:
            watch, accepted, refused, lock = Watch(weir), [], [], threading.Lock()
            filler = [{"key": "filler", "value": {"stringValue": "x" * 2000}}]

            def send(worker):
                for i in range(150):
                    ids = range(worker * 1_000_000 + i * 200, worker * 1_000_000 + i * 200 + 200)
                    status, headers, _ = post(port, "/v1/traces", traces(*ids, attributes=filler), timeout=60)
                    with lock:
                        (accepted if status == 200 else refused).append((status, headers, ids))

            threads = [threading.Thread(target=send, args=(w,)) for w in range(8)]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
            self.assertTrue(refused, "nothing was refused: the test sent too little")
            for status, headers, _ in refused:
                self.assertEqual(status, 503)
                self.assertIn("retry-after", {k.lower() for k in headers})
            released.set()
            self.assertEqual(weir.stop(), 0)
            peak = watch.stop()
            arrived = {int(span["traceId"], 16) - 1 for span in sink.spans()}
            for _, _, ids in accepted:
                self.assertTrue(arrived.issuperset(ids), "answered OK and not delivered")
            self.assertLess(peak, LIMIT, "peak resident memory %d MiB" % (peak // MIB))


if __name__ == "__main__":
    unittest.main()
