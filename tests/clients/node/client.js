// Sends `count` spans, log records and one counter by what OTEL_EXPORTER_OTLP_* say.
const { metrics, trace, SpanKind, SpanStatusCode } = require("@opentelemetry/api");
const { logs, SeverityNumber } = require("@opentelemetry/api-logs");
const { NodeSDK } = require("@opentelemetry/sdk-node");

const count = Number(process.argv[2]);
const sdk = new NodeSDK();
sdk.start();

const tracer = trace.getTracer("till"), logger = logs.getLogger("till");
const counter = metrics.getMeter("till").createCounter("sales", { unit: "{sale}" });
for (let i = 0; i < count; ++i) {
  const span = tracer.startSpan(`sale ${i}`, { kind: SpanKind.SERVER, attributes: { n: i, share: i + 0.5, paid: i % 2 === 0, tags: ["ä", "雪"] } });
  if (i === 7) span.setStatus({ code: SpanStatusCode.ERROR, message: "no change" });
  span.end();
  logger.emit({ severityNumber: SeverityNumber.WARN, severityText: "WARN", body: `paper is low: ${i}`, attributes: { n: i } });
  counter.add(2, { till: i % 2 });
}
sdk.shutdown().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
