"""Starts the services of the demo shop once weir takes OTLP, and orders from it until it is told to stop."""
import os, random, signal, socket, subprocess, sys, time, urllib.error, urllib.request

FOLDER = os.path.dirname(os.path.abspath(__file__))
LOG = os.path.join("build", "demo.log")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for_port(host, port):
    while True:
        with socket.socket() as s:
            s.settimeout(1)
            if s.connect_ex((host, port)) == 0:
                return
        time.sleep(0.2)


def start(name, port, ports, collector, protocol):
    environment = {**os.environ, "OTEL_SERVICE_NAME": name, "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=demo",
                   "OTEL_EXPORTER_OTLP_PROTOCOL": protocol, "OTEL_EXPORTER_OTLP_INSECURE": "true",
                   "OTEL_EXPORTER_OTLP_ENDPOINT": "http://%s:%d" % (collector, 4317 if protocol == "grpc" else 4318),
                   "OTEL_TRACES_EXPORTER": "otlp", "OTEL_METRICS_EXPORTER": "otlp", "OTEL_LOGS_EXPORTER": "otlp",
                   "OTEL_BSP_SCHEDULE_DELAY": "1000", "OTEL_METRIC_EXPORT_INTERVAL": "5000",
                   "OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED": "true"}
    command = [os.path.join(os.path.dirname(sys.executable), "opentelemetry-instrument"), sys.executable,
               os.path.join(FOLDER, "service.py"), name, str(port), *("%s=%d" % p for p in ports.items())]
    # In groups of their own: a Ctrl-C in the terminal is for this process, which ends them.
    return subprocess.Popen(command, env=environment, stdout=open(LOG, "a"), stderr=subprocess.STDOUT, start_new_session=True)


def order_for_ever(port):
    while True:
        try:
            urllib.request.urlopen("http://127.0.0.1:%d/orders/%d" % (port, random.randrange(1, 100)), timeout=10).read()
        except urllib.error.HTTPError as answer:
            answer.close()  # part of the show
        except OSError:
            pass
        time.sleep(random.expovariate(5))


def main():
    collector = sys.argv[1]
    wait_for_port(collector, 4317)
    ports = {name: free_port() for name in ("shop", "stock", "payment")}
    open(LOG, "w").close()
    services = [start(name, port, ports, collector, "grpc" if name == "payment" else "http/protobuf") for name, port in ports.items()]
    try:
        for port in ports.values():
            wait_for_port("127.0.0.1", port)
        print("demo: three services (shop, stock, payment) take about 5 orders a second, some fail; their output: %s" % LOG, flush=True)
        order_for_ever(ports["shop"])
    except KeyboardInterrupt:
        pass
    finally:
        for service in services:
            service.kill()


def interrupted(*_):
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, interrupted)
    main()
