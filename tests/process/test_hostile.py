"""Input that means harm, and more input than can be sent on: refused, bounded, and others are served meanwhile."""
import contextlib, os, random, resource, signal, socket, struct, sys, threading, time, unittest, zlib

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import *

MIB = 1024 * 1024
LIMIT = 256 * MIB
LIMITER = "  memory_limiter: {check_interval: 1s, limit_mib: 256}\n"


EXTENSIONS = """
extensions:
  health_check: {{endpoint: "127.0.0.1:{health}"}}
  zpages: {{endpoint: "127.0.0.1:{zpages}"}}
  pprof: {{endpoint: "127.0.0.1:{pprof}"}}
"""


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
    """gzip of `size` zero bytes: one compressed MiB, over and over. No format makes more than about 1:1030 of gzip."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
    end = packer.flush()
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + block * (size // MIB) + end + struct.pack("<II", 0, size & 0xFFFFFFFF)


def zstd_bomb(size):
    """zstd of `size` zero bytes: blocks of 128 KiB, each four bytes that say "this byte, so often"."""
    def block(last):
        return struct.pack("<I", last | 1 << 1 | 128 * 1024 << 3)[:3] + b"\0"
    return b"\x28\xb5\x2f\xfd\x00\x58" + block(0) * (size // (128 * 1024) - 1) + block(1)


def h2_frame(kind, flags, stream, payload):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def hpack(fields):
    """Literals without indexing, for short names and values."""
    return b"".join(b"\0" + bytes([len(k)]) + k.encode() + bytes([len(v)]) + v.encode() for k, v in fields)


class Hostile(unittest.TestCase):
    def setUp(self):
        self.sink, self.port, self.grpc = Sink(), free_port(), free_port()
        self.addCleanup(self.sink.close)
        config = pipeline(self.port, self.sink.port, processors=LIMITER, chain="memory_limiter")
        config = config.replace("    protocols:\n", "    protocols:\n      grpc: {endpoint: '127.0.0.1:%d'}\n" % self.grpc)
        self.others = {name: free_port() for name in ("health", "zpages", "pprof", "metrics")}
        config = config.replace("metrics: {level: none}", "metrics: {address: '127.0.0.1:%d'}" % self.others["metrics"])
        config = config.replace("service:\n", EXTENSIONS.format(**self.others) + "service:\n  extensions: [health_check, zpages, pprof]\n")
        self.weir = Weir(config, ready=[self.port, self.grpc, *self.others.values()])
        self.addCleanup(self.weir.__exit__)
        self.watch = Watch(self.weir)

    def tearDown(self):
        peak = self.watch.stop()
        self.assertLess(peak, LIMIT, "peak resident memory %d MiB" % (peak // MIB))

    def serves_others(self):
        self.assertEqual(post(self.port, "/v1/traces", traces(1))[0], 200)

    def test_compression_bombs(self):
        for encoding, bomb in (("gzip", gzip_bomb(10 * 1024 * MIB)), ("zstd", zstd_bomb(10 * 1024 * MIB))):
            headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": encoding}
            threads = [threading.Thread(target=post, args=(self.port, "/v1/traces", bomb, headers, 60)) for _ in range(4)]
            for t in threads:
                t.start()
            self.serves_others()
            for t in threads:
                t.join()
            self.assertEqual(post(self.port, "/v1/traces", bomb, headers, 60)[0], 413, encoding)
            self.serves_others()

    def test_many_bombs_just_below_the_limit_of_one(self):
        bomb = zstd_bomb(19 * MIB)
        self.assertLess(len(bomb), 1000)
        headers, statuses = {"Content-Type": "application/x-protobuf", "Content-Encoding": "zstd"}, []

        def send():
            for _ in range(20):
                statuses.append(post(self.port, "/v1/traces", bomb, headers, 60)[0])
        threads = [threading.Thread(target=send) for _ in range(16)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        # Zeros are not a request (400), or there was no room to find that out (503).
        self.assertLessEqual(set(statuses), {400, 503})
        self.serves_others()

    def test_bombs_over_grpc(self):
        path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
        for encoding, bomb in (("gzip", gzip_bomb(3000 * MIB)), ("zstd", zstd_bomb(10 * 1024 * MIB))):
            head = hpack([(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "x"), ("te", "trailers"),
                          ("content-type", "application/grpc"), ("grpc-encoding", encoding)])
            message = b"\1" + struct.pack(">I", len(bomb)) + bomb
            with socket.create_connection(("127.0.0.1", self.grpc), 10) as s:
                s.sendall(PREFACE + h2_frame(4, 0, 0, b""))
                s.recv(9, socket.MSG_WAITALL)  # its settings allow more than a first 64 KiB once they are acknowledged
                s.sendall(h2_frame(4, 1, 0, b"") + h2_frame(1, 4, 1, head))
                for at in range(0, len(message), 16_000):
                    s.sendall(h2_frame(0, int(at + 16_000 >= len(message)), 1, message[at:at + 16_000]))
                reader, kind, size = s.makefile("rb"), -1, 30  # the rest of the settings
                while kind != 1:  # HEADERS
                    reader.read(size)
                    head = reader.read(9)
                    self.assertEqual(len(head), 9, "closed without an answer to %s" % encoding)
                    size, kind = int.from_bytes(head[:3], "big"), head[3]
                self.assertTrue(head[4] & 1, "a bomb was answered with data")
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
                s.send(b"POST /v1/traces HTTP/1.1\r\nHost: x\r\n" if i % 2 else PREFACE)
            except OSError:
                s.close()
                continue
            open_sockets.append(s)
        self.assertGreater(len(open_sockets), wanted * 0.9)
        for round in range(3):
            for s in random.Random(round).sample(open_sockets, 500):
                with contextlib.suppress(OSError):
                    s.send(b"X")
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
        for port in (self.port, self.grpc, *self.others.values()):
            for _ in range(100):
                with socket.create_connection(("127.0.0.1", port), 5) as s:
                    try:
                        s.sendall(rng.choice((b"", PREFACE, b"GET ", b"POST /v1/traces HTTP/1.1\r\n")) + rng.randbytes(rng.randrange(1, 5000)))
                        s.shutdown(socket.SHUT_WR)
                        s.recv(4096)
                    except OSError:
                        pass
        self.serves_others()
        self.assertEqual(get(self.others["health"], "/")[0], 200)
        self.assertEqual(get(self.others["zpages"], "/debug/servicez")[0], 200)
        self.assertEqual(get(self.others["pprof"], "/debug/pprof/")[0], 200)
        self.assertIn("otelcol_receiver_accepted_spans", get(self.others["metrics"], "/metrics")[1])

    def test_rapid_resets(self):
        # HPACK literals without indexing: :method POST, :scheme http, :path /x, :authority x
        head = b"\x83\x86\x04\x02/x\x01\x01x"
        with socket.create_connection(("127.0.0.1", self.grpc), 10) as s:
            s.sendall(PREFACE + h2_frame(4, 0, 0, b""))
            closed = False
            try:
                for burst in range(2000):
                    data = b"".join(h2_frame(1, 4, 2 * i + 1, head) + h2_frame(3, 0, 2 * i + 1, b"\0\0\0\x08")
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
        with Weir(config, ready=[port], args=["--data-dir", "none"]) as weir:
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
            sink.wait_for_spans(200 * len(accepted))
            self.assertEqual(weir.stop(), 0)
            peak = watch.stop()
            arrived = {int(span["traceId"], 16) - 1 for span in sink.spans()}
            for _, _, ids in accepted:
                self.assertTrue(arrived.issuperset(ids), "answered OK and not delivered")
            self.assertLess(peak, LIMIT, "peak resident memory %d MiB" % (peak // MIB))

    @unittest.skipUnless(os.environ.get("WEIR_ALL") == "1", "takes half a minute: --all")
    def test_ten_times_what_a_slow_backend_takes(self):
        sink, port, slow = Sink(), free_port(), [True]
        self.addCleanup(sink.close)
        sink.answer = lambda path, body: (slow[0] and time.sleep(2), (200, {}))[1]
        config = pipeline(port, sink.port, processors=LIMITER + "  batch: {send_batch_size: 200, send_batch_max_size: 200}\n",
                          chain="memory_limiter, batch", exporter="    sending_queue: {queue_size: 100000, num_consumers: 4}")
        filler = [{"key": "filler", "value": {"stringValue": "x" * 2000}}]
        with Weir(config, ready=[port]) as weir:
            watch, accepted, refused, end = Watch(weir), [], [], time.monotonic() + 200

            def enough():
                return len(refused) >= 50 and (len(accepted) + len(refused)) * 200 > 10 * len(sink.spans())

            def send(worker):
                i = worker * 1_000_000
                while not enough() and time.monotonic() < end:
                    status, headers, _ = post(port, "/v1/traces", traces(*range(i, i + 200), attributes=filler), timeout=60)
                    (accepted if status == 200 else refused).append((status, headers, i))
                    i += 200
            threads = [threading.Thread(target=send, args=(w,)) for w in range(8)]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
            self.assertTrue(enough(), "the backend was not slow enough")
            for status, headers, _ in refused:
                self.assertEqual(status, 503)
                self.assertIn("retry-after", {k.lower() for k in headers})
            slow[0] = False
            sink.wait_for_spans(200 * len(accepted))
            self.assertEqual(weir.stop(), 0)
            peak = watch.stop()
            arrived = {int(span["traceId"], 16) - 1 for span in sink.spans()}
            for _, _, i in accepted:
                self.assertTrue(arrived.issuperset(range(i, i + 200)), "answered OK and not delivered")
            self.assertLess(peak, LIMIT, "peak resident memory %d MiB" % (peak // MIB))


if __name__ == "__main__":
    unittest.main()
