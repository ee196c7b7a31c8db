// A scorer for Baton in Node.js: it is asked by a NATS request at each handoff, and answers how probable another handoff is.
//
//   npm install @nats-io/transport-node@3.4.0
//   node scorer.mjs baton-data/keys/nats.json baton.score.again
//
// Baton asks it once it is registered and configured (docs/suggestions.md, "Bring your own"). With "hang" as a third argument it takes every
// request and answers none: to see that handoffs go on all the same.
import { readFileSync } from "node:fs";
import { connect } from "@nats-io/transport-node";

const [, , credential, subject, manner] = process.argv;
const { url, user, password } = JSON.parse(readFileSync(credential, "utf8"));
const nc = await connect({ servers: url, user, pass: password, name: "example scorer" });

// score knows one thing: work that has come back before comes back again.
function score({ features, point }) {
  const bounces = features.values["bounces"] ?? 0;
  const probability = Math.min(0.95, 0.1 + 0.2 * bounces);
  const text = bounces > 0 ? `the work came back ${bounces} times` : "the work has not come back so far";
  const reasons = [{ code: "bounces", text, effect: bounces > 0 ? "raises" : "lowers", weight: 0.2 * bounces - 0.1 }];
  return { probability, reasons, actions: ["inform"], version: "rule-1", point };
}

const asked = nc.subscribe(subject, { queue: "scorers" }); // several of them share the work
await nc.flush();
console.log("ready");
for await (const message of asked) {
  if (manner === "hang") continue;
  message.respond(JSON.stringify(score(message.json())));
}
