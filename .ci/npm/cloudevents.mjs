// Sends events with the CloudEvents SDK for JavaScript in its three modes to POST /v1/events and prints the answers as JSON.
// Usage: node cloudevents.mjs http://127.0.0.1:8080
import { CloudEvent, HTTP, Mode, emitterFor, httpTransport } from "cloudevents";

const target = process.argv[2] + "/v1/events";
const event = (id, data, more) =>
  new CloudEvent({ id, source: "/npm", type: "dev.baton.interaction.recorded.v1", subject: "J-npm", time: "2026-03-04T09:52:00.123Z", data, ...more });
const data = { activity: "call", stage: "sales", attributes: { note: "ä % ö \u{1f44b}", n: 0.1 } };

async function post(message) {
  const answer = await fetch(target, { method: "POST", headers: message.headers, body: message.body });
  return { status: answer.status, ...(await answer.json()) };
}

// The SDK's own way to send, in binary and structured mode.
async function emit(mode, e) {
  const { body } = await emitterFor(httpTransport(target), { mode })(e);
  return JSON.parse(body);
}

const out = {
  binary: await post(HTTP.binary(event("binary", data, { subject: "J-npm", tenant: "acme" }))),
  structured: await post(HTTP.structured(event("structured", data, { tenant: "acme" }))),
  bytes: await post(HTTP.structured(event("bytes", Buffer.from([0, 1, 254, 255]), { datacontenttype: "application/octet-stream", type: "org.example.bytes" }))),
  text: await post(HTTP.binary(event("text", "plain text", { datacontenttype: "text/plain", type: "org.example.text" }))),
  batch: await post({
    headers: { "content-type": "application/cloudevents-batch+json" },
    body: JSON.stringify([event("batch-1", data), event("batch-2", data), event("batch-3", data, { subject: "J-other" })]),
  }),
  emittedBinary: await emit(Mode.BINARY, event("emitted-binary", data)),
  emittedStructured: await emit(Mode.STRUCTURED, event("emitted-structured", data)),
};
out.retry = await post(HTTP.structured(event("structured", data, { tenant: "acme" })));
out.conflict = await post(HTTP.structured(event("structured", { ...data, stage: "desk" }, { tenant: "acme" })));
console.log(JSON.stringify(out));
