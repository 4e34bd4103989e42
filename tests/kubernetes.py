"""An API server in Python for tests of the real binary: lists, streamed lists and watches of objects that a test puts there."""
import http.server, json, queue, re, threading, urllib.parse


class KubeApi:
    """`put` and `remove` change objects; `cut` ends all watches. `refuse(path, query)` may return a status to answer with."""

    def __init__(self, token=None, streamed_lists=True):
        self.lock, self.version, self.objects, self.watches, self.log = threading.RLock(), 100, {}, [], []
        self.token, self.streamed_lists, self.asked = token, streamed_lists, []
        self.written, self.secrets = [], {}  # (method, path, body) of all writes; secrets by name
        self.refuse = lambda path, query: None
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do_POST(self):
                self._write()

            do_PUT = do_PATCH = do_POST

            def _write(self):
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "{}")
                with api.lock:
                    api.written.append((self.command, urllib.parse.urlsplit(self.path).path, body))
                    if "/secrets" in self.path:
                        api.secrets[body["metadata"]["name"]] = body
                api._answer(self, 201, body)

            def do_GET(self):
                url = urllib.parse.urlsplit(self.path)
                api.serve(self, url.path, dict(urllib.parse.parse_qsl(url.query)))

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda request, client: None
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def kubeconfig(self):
        user = {"token": self.token} if self.token else {}
        return json.dumps({"current-context": "t", "contexts": [{"name": "t", "context": {"cluster": "c", "user": "u", "namespace": "otel"}}],
                           "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:%d" % self.port}}], "users": [{"name": "u", "user": user}]})

    def put(self, path, name, namespace=None, **fields):
        """path: "/api/v1/pods". Fields: metadata (added to), spec, status and so on."""
        path, _ = self._everywhere(path)
        with self.lock:
            self.version += 1
            all_of_them = self.objects.setdefault(path, {})
            key = (namespace or "", name)
            meta = {"name": name, "uid": "uid-of-" + name, **({"namespace": namespace} if namespace else {}), **fields.pop("metadata", {}),
                    "resourceVersion": str(self.version)}
            event = "MODIFIED" if key in all_of_them else "ADDED"
            all_of_them[key] = {"metadata": meta, **fields}
            self._tell(path, event, all_of_them[key])

    def remove(self, path, name, namespace=None):
        path, _ = self._everywhere(path)
        with self.lock:
            self.version += 1
            gone = self.objects[path].pop((namespace or "", name))
            gone["metadata"]["resourceVersion"] = str(self.version)
            self._tell(path, "DELETED", gone)

    @staticmethod
    def _everywhere(path):
        """The path of all namespaces, and the namespace that was in it."""
        found = re.fullmatch(r"(/.*)/namespaces/([^/]+)(/[^/]+)", path)
        return (found.group(1) + found.group(3), found.group(2)) if found else (path, None)

    def cut(self):
        with self.lock:
            for _, events in self.watches:
                events.put(None)

    def close(self):
        self.cut()
        self.server.shutdown()
        self.server.server_close()

    def _tell(self, path, event, thing):
        line = json.dumps({"type": event, "object": thing})
        self.log.append((self.version, path, line))
        for watched, events in self.watches:
            if watched == path:
                events.put(line)

    def serve(self, request, path, query):
        with self.lock:
            self.asked.append((path, query))
        if self.token and request.headers.get("Authorization") != "Bearer " + self.token:
            return self._answer(request, 401, {"kind": "Status", "message": "Unauthorized", "code": 401})
        if "/secrets/" in path:
            secret = self.secrets.get(path.rsplit("/", 1)[1])
            return self._answer(request, 200 if secret else 404, secret or {"kind": "Status", "code": 404, "message": "not found"})
        single = re.fullmatch(r"(/.*)/namespaces/([^/]+)(/[^/]+)/([^/]+)", path)
        if single:
            thing = self.objects.get(single.group(1) + single.group(3), {}).get((single.group(2), single.group(4)))
            return self._answer(request, 200 if thing else 404, thing or {"kind": "Status", "code": 404, "message": "not found"})
        # Objects of all namespaces are kept together.
        path, namespace = self._everywhere(path)
        status = self.refuse(path, query)
        if status:
            return self._answer(request, status, {"kind": "Status", "message": "refused by the test", "code": status})
        if query.get("watch") != "1":
            with self.lock:
                body = {"kind": "List", "metadata": {"resourceVersion": str(self.version)}, "items": [thing for (where, _), thing in self.objects.get(path, {}).items() if namespace in (None, where)]}
            return self._answer(request, 200, body)
        initial = query.get("sendInitialEvents") == "true"
        if initial and not self.streamed_lists:
            return self._answer(request, 422, {"kind": "Status", "message": "sendInitialEvents is forbidden", "code": 422})
        self._watch(request, path, namespace, initial, int(query.get("resourceVersion") or 0))

    def _answer(self, request, status, body):
        text = json.dumps(body).encode()
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(text)))
        request.end_headers()
        request.wfile.write(text)

    def _watch(self, request, path, namespace, initial, since):
        events = queue.Queue()

        def wanted(line):
            thing = json.loads(line)
            return namespace is None or thing["type"] == "BOOKMARK" or thing["object"]["metadata"].get("namespace") == namespace

        with self.lock:
            if initial:
                for thing in self.objects.get(path, {}).values():
                    events.put(json.dumps({"type": "ADDED", "object": thing}))
                events.put(json.dumps({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": str(self.version), "annotations": {"k8s.io/initial-events-end": "true"}}}}))
            else:
                for version, where, line in self.log:
                    if version > since and where == path:
                        events.put(line)
            self.watches.append((path, events))
        request.send_response(200)
        request.send_header("Content-Type", "application/json")
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        while (event := events.get()) is not None:
            if not wanted(event):
                continue
            line = event.encode() + b"\n"
            request.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
        request.wfile.write(b"0\r\n\r\n")
        with self.lock:
            self.watches = [w for w in self.watches if w[1] is not events]
