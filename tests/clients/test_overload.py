"""gRPC clients of a weir whose backend is blocked: told UNAVAILABLE and when to come back; what was answered OK arrives."""
import threading, unittest

import grpc
from google.rpc import error_details_pb2, status_pb2
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse

from backend import *

MIB = 1024 * 1024
METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


def request(ids):
    out = ExportTraceServiceRequest()
    spans = out.resource_spans.add().scope_spans.add().spans
    for i in ids:
        span = spans.add(trace_id=(i + 1).to_bytes(16, "big"), span_id=(i + 1).to_bytes(8, "big"), name="op")
        span.attributes.add(key="filler").value.string_value = "x" * 2000
    return out


def retry_delay(error):
    """Seconds of the RetryInfo in a call's error, or None."""
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            for detail in status_pb2.Status.FromString(value).details:
                info = error_details_pb2.RetryInfo()
                if detail.Unpack(info):
                    return info.retry_delay.seconds + info.retry_delay.nanos * 1e-9
    return None


class Overload(unittest.TestCase):
    def test_a_blocked_backend(self):
        sink, http_port, port, released = Sink(), free_port(), free_port(), threading.Event()
        self.addCleanup(sink.close)
        sink.answer = lambda path, body: (released.wait(120), (200, {}))[1]
        config = pipeline(http_port, sink.port, processors="  memory_limiter: {check_interval: 1s, limit_mib: 256}\n", chain="memory_limiter",
                          exporter="    timeout: 100s\n    sending_queue: {queue_size: 100000}")
        config = config.replace("    protocols:\n", "    protocols:\n      grpc: {endpoint: '127.0.0.1:%d'}\n" % port)
        accepted, refused, lock, peak = [], [], threading.Lock(), 0
        with Weir(config, ready=[port], args=["--data-dir", "none"]) as weir:  # nothing goes to disk instead
            def send(worker):
                with grpc.insecure_channel("127.0.0.1:%d" % port) as channel:
                    export = channel.unary_unary(METHOD, ExportTraceServiceRequest.SerializeToString, ExportTraceServiceResponse.FromString)
                    for i in range(200):
                        ids = range(worker * 1_000_000 + i * 200, worker * 1_000_000 + (i + 1) * 200)
                        try:
                            export(request(ids), timeout=60)
                            with lock:
                                accepted.append(ids)
                        except grpc.RpcError as error:
                            with lock:
                                refused.append((error.code(), retry_delay(error), error.details()))
            threads = [threading.Thread(target=send, args=(worker,)) for worker in range(6)]
            for thread in threads:
                thread.start()
            while any(thread.is_alive() for thread in threads):
                peak = max(peak, weir.rss())
                time.sleep(0.1)
            self.assertGreater(len(refused), 50, "too little was refused for an overload")
            for code, delay, text in refused:
                self.assertEqual(code, grpc.StatusCode.UNAVAILABLE, text)
                self.assertIsNotNone(delay, text)
                self.assertGreater(delay, 0)
            released.set()
            sink.wait_for_spans(200 * len(accepted))
            self.assertEqual(weir.stop(), 0)
        arrived = {int(span["traceId"], 16) - 1 for span in sink.spans()}
        for ids in accepted:
            self.assertTrue(arrived.issuperset(ids), "answered OK and not delivered")
        self.assertLess(peak, 256 * MIB, "peak resident memory %d MiB" % (peak // MIB))


if __name__ == "__main__":
    unittest.main()
