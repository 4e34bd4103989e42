"""Helpers for tests of the real binary: start it, feed it, collect what it sends. Standard library only."""
import contextlib, gzip, http.client, http.server, json, os, random, re, signal, socket, subprocess, sys, tempfile, threading, time, zlib

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def binary():
    """The weir under test: $WEIR_BINARY, else the newest of the usual builds."""
    if os.environ.get("WEIR_BINARY"):
        return os.environ["WEIR_BINARY"]
    built = [os.path.join(ROOT, "build", preset, "weir") for preset in ("dev", "release")]
    built = [path for path in built if os.path.exists(path)]
    if not built:
        raise RuntimeError("no weir binary: build one or set WEIR_BINARY")
    return max(built, key=os.path.getmtime)


class Ports:
    """Ports nobody listens on, below those that the kernel gives to clients: one of them could take it before the program does. Each process has a
    block of 100 that is its own as long as it lives, and gives none twice until it has given all: what it gave is not listened on yet."""
    FIRST, BLOCKS, SIZE = 24_300, 84, 100

    def __init__(self):
        self.owner, self.free = None, []

    def block(self):
        """The first port of a block that no other process has: an abstract socket's name is free again when its process ends, however it does."""
        for i in random.sample(range(self.BLOCKS), self.BLOCKS):
            owner = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            with contextlib.suppress(OSError):
                owner.bind("\0weir-test-ports-%d" % i)
                self.owner = owner, os.getpid()
                return self.FIRST + i * self.SIZE
            owner.close()
        raise AssertionError("all blocks of ports are taken")

    def take(self):
        if self.owner is None or self.owner[1] != os.getpid():
            self.first, self.free = self.block(), []
        for _ in range(2 * self.SIZE):
            self.free = self.free or list(range(self.first, self.first + self.SIZE))
            port = self.free.pop(0)
            with socket.socket() as s, contextlib.suppress(OSError):
                s.bind(("127.0.0.1", port))
                return port
        raise AssertionError("every port of this process is in use")


free_port = Ports().take


# How much longer everything may take: for binaries with sanitizers or under valgrind.
SLOWNESS = float(os.environ.get("WEIR_SLOWNESS", 1))


def wait_for(condition, seconds=20, what="condition"):
    end = time.monotonic() + seconds * SLOWNESS
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError("%s did not hold within %s s" % (what, seconds))


def connectable(port):
    with socket.socket() as s:
        s.settimeout(0.3)
        return s.connect_ex(("127.0.0.1", port)) == 0


class Sink:
    """An OTLP/HTTP backend that keeps what it got. `answer(path, body)` returns (status, headers) and perhaps what to say, in place of 200."""

    def __init__(self):
        self.requests, self.lock, self.answer = [], threading.Lock(), lambda path, body: (200, {})
        sink = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                encoding = self.headers.get("Content-Encoding") or ""
                if encoding == "gzip":
                    body = gzip.decompress(body)
                elif encoding in ("zlib", "deflate"):
                    body = zlib.decompress(body)
                status, headers, *said = sink.answer(self.path, body)
                if status == 200:
                    with sink.lock:
                        sink.requests.append((self.path, dict(self.headers), body))
                self.send_response(status)
                for key, value in headers.items():
                    self.send_header(key, value)
                self.send_header("Content-Length", str(len(said[0]) if said else 0))
                self.end_headers()
                self.wfile.write(said[0] if said else b"")

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 256  # many exporters connect at once

        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.handle_error = lambda request, client: None  # a killed weir resets its connections
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def json(self):
        with self.lock:
            return [json.loads(self._text(body)) for _, _, body in self.requests]

    @staticmethod
    def _text(body):
        """Bytes that are not UTF-8, which statements can make, as U+FFFD each: weir writes them so, the Go collector as they are."""
        return re.sub("[\udc80-\udcff]", "\ufffd", body.decode("utf-8", "surrogateescape"))

    def spans(self):
        return [span for request in self.json() for group in request.get("resourceSpans", [])
                for scope in group.get("scopeSpans", []) for span in scope.get("spans", [])]

    def wait_for_spans(self, count, seconds=200):
        """Until at least so many have come; looks once a second, as there may be many. Whoever needs to know which then asks spans()."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with self.lock:
                bodies = [body for _, _, body in self.requests]
            if sum(body.count(b'"traceId"') for body in bodies) >= count:
                return
            time.sleep(1)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Collector:
    """A running collector. `config` is YAML text; the process works in a folder of its own."""

    def __init__(self, program, config, args=(), ready=(), env=None):
        self.name = os.path.basename(program)
        self.folder = tempfile.TemporaryDirectory(prefix="weir-test-")
        self.config = os.path.join(self.folder.name, "config.yaml")
        self.write(config)
        self.log_path = os.path.join(self.folder.name, "log")
        self.log = open(self.log_path, "wb")
        self.command, self.env = [program, "--config", self.config, *args], {**os.environ, **(env or {})}
        self.start(ready)

    def start(self, ready=()):
        """Again, after it ended: the same folder, and what is the configuration now."""
        self.process = subprocess.Popen(self.command, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL, cwd=self.folder.name, env=self.env)
        try:
            for port in ready:
                wait_for(lambda: connectable(port) or self.process.poll() is not None, what="port %d open" % port)
        except AssertionError as e:
            self.process.kill()
            raise AssertionError("%s\n%s" % (e, self.output()[-3000:]))
        if self.process.poll() is not None:
            said = self.output()
            self.__exit__()
            raise AssertionError("%s ended with %s:\n%s" % (self.name, self.process.returncode, said))

    def write(self, config):
        with open(self.config, "w") as f:
            f.write(config)

    def output(self):
        with open(self.log_path, "rb") as f:
            return f.read().decode("utf-8", "replace")

    def rss(self):
        if os.environ.get("WEIR_SANITIZED"):
            return 0  # most of it is the sanitizer's
        with open("/proc/%d/statm" % self.process.pid) as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE")

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self, seconds=40):
        """SIGTERM and wait. The exit code."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError("%s did not stop:\n%s" % (self.name, self.output()[-3000:]))
        return self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *args):
        sanitized = os.environ.get("WEIR_SANITIZED")
        if sanitized and self.process.poll() is None:
            self.signal(signal.SIGTERM)  # leaks and the races of a shutdown are found only when it ends by itself
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(20)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log.close()
        said = self.output() if sanitized else ""
        self.folder.cleanup()
        found = re.search(r"(?:[A-Z]+: \w+Sanitizer|runtime error): ", said)
        if found:
            raise AssertionError(said[max(0, found.start() - 200):][:10_000])


class Weir(Collector):
    def __init__(self, config, **options):
        super().__init__(binary(), config, **options)


def post(port, path, body, headers=None, timeout=20):
    """-> (status, headers, body). `body` is bytes or something to send as JSON."""
    headers = dict(headers or {})
    if not isinstance(body, (bytes, bytearray)):
        body = json.dumps(body).encode()
        headers.setdefault("Content-Type", "application/json")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    with contextlib.closing(connection):
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()


def get(port, path, timeout=10):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    with contextlib.closing(connection):
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()


def traces(*ids, service="shop", name="op", **fields):
    """An OTLP JSON trace request with one span for each number in `ids`."""
    spans = [{"traceId": "%032x" % (i + 1), "spanId": "%016x" % (i + 1), "name": name, "kind": 2,
              "startTimeUnixNano": "1700000000000000000", "endTimeUnixNano": "1700000000010000000", **fields} for i in ids]
    return {"resourceSpans": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]},
                               "scopeSpans": [{"scope": {"name": "test"}, "spans": spans}]}]}


class Sender(threading.Thread):
    """Sends requests of a few items over one connection until stopped or the other side is gone; keeps the ids answered OK. make: JSON of
    items with these ids."""

    def __init__(self, port, first, path="/v1/traces", make=traces, size=3):
        super().__init__(daemon=True)
        self.port, self.next, self.path, self.make, self.size = port, first, path, make, size
        self.accepted, self.refused, self.ended = [], 0, threading.Event()
        self.start()

    def run(self):
        connection = None
        while not self.ended.is_set():
            ids = range(self.next, self.next + self.size)
            self.next += self.size
            try:
                connection = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
                connection.request("POST", self.path, json.dumps(self.make(*ids)), {"Content-Type": "application/json"})
                response = connection.getresponse()
                response.read()
                if response.status == 200:
                    self.accepted.extend(ids)
                else:
                    self.refused += 1
                    time.sleep(0.01)
            except (OSError, http.client.HTTPException):
                connection = None
                if self.ended.wait(0.01):
                    return

    def stop(self):
        self.ended.set()
        self.join()
        return self.accepted


def pipeline(receive, send, processors="", chain="", exporter="", telemetry="metrics: {level: none}"):
    """YAML of one traces pipeline: OTLP/HTTP on port `receive` to OTLP/HTTP JSON on port `send`."""
    return """
receivers:
  otlp:
    protocols:
      http:
        endpoint: 127.0.0.1:%d
%s
exporters:
  otlphttp:
    endpoint: http://127.0.0.1:%d
    encoding: json
    compression: none
%s
service:
  telemetry: {%s}
  pipelines:
    traces:
      receivers: [otlp]
      processors: [%s]
      exporters: [otlphttp]
""" % (receive, "processors:\n" + processors if processors else "", send, exporter, telemetry, chain)
