"""One service of the demo shop. Nothing here sends telemetry by itself but one counter: opentelemetry-instrument does."""
import logging, random, sys, time

import flask, requests
from opentelemetry import metrics, trace

name, port, ports = sys.argv[1], int(sys.argv[2]), dict(p.split("=") for p in sys.argv[3:])
app = flask.Flask(name)
log = logging.getLogger(name)
log.setLevel(logging.INFO)
logging.getLogger("werkzeug").setLevel(logging.ERROR)
orders = metrics.get_meter(name).create_counter("shop.orders", unit="{order}", description="Orders by outcome.")


def ask(service, path):
    return requests.get("http://127.0.0.1:%s%s" % (ports[service], path), timeout=5)


@app.get("/orders/<int:item>")
def order(item):
    trace.get_current_span().set_attribute("shop.item", item)
    if ask("stock", "/items/%d" % item).status_code == 404:
        orders.add(1, {"outcome": "sold out"})
        return "sold out", 404
    paid = ask("payment", "/pay?amount=%d" % (item * 7 % 90 + 10))
    orders.add(1, {"outcome": "paid" if paid.ok else "failed"})
    if not paid.ok:
        log.error("order of item %d failed: payment said %d", item, paid.status_code)
    return paid.text, paid.status_code


@app.get("/items/<int:item>")
def look_up(item):
    with trace.get_tracer(name).start_as_current_span("SELECT items", kind=trace.SpanKind.CLIENT) as span:
        span.set_attributes({"db.system": "sqlite", "db.statement": "SELECT * FROM items WHERE id = ?"})
        time.sleep(random.expovariate(1 / 0.004))
    if item % 17 == 0:
        log.warning("item %d is sold out", item)
        return "sold out", 404
    return "there"


@app.get("/pay")
def pay():
    time.sleep(random.lognormvariate(-4.2, 0.8))  # 15 ms in the middle, now and then 100
    if random.random() < 0.05:
        raise RuntimeError("the bank does not answer")
    log.info("paid %s", flask.request.args["amount"])
    return "paid"


app.run("127.0.0.1", port, threaded=True)
