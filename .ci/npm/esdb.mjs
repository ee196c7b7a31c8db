// Does with an official Node client of EventStoreDB what teams do with it, and fails where an answer is not what EventStoreDB's would be.
// In the middle it prints RESTART, waits for a line on standard input, and goes on against the server that was started again.
// Usage: node esdb.mjs @eventstore/db-client esdb://127.0.0.1:2113?tls=false
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import readline from "node:readline";

const [, , name, url] = process.argv;
const client = await import(name);
const { jsonEvent, binaryEvent, START, END, FORWARDS, BACKWARDS, NO_STREAM, ANY, STREAM_EXISTS } = client;
const { WrongExpectedVersionError, StreamNotFoundError, AccessDeniedError, streamNameFilter, eventTypeFilter, excludeSystemEvents } = client;
const Client = client.KurrentDBClient ?? client.EventStoreDBClient;
const connect = () => Client.connectionString(client.KurrentDBClient ? url.replace("esdb:", "kurrentdb:") : url);
let db = connect();

const append = (stream, events, expected) => db.appendToStream(stream, events, { expectedRevision: expected, streamState: expected });
const event = (n, type = "order-placed") =>
  jsonEvent({ id: randomUUID(), type, data: { n, text: "ä 👋" }, metadata: { $correlationId: "c-1", by: name } });
const collect = async (stream) => {
  const out = [];
  for await (const resolved of stream) out.push(resolved.event);
  return out;
};
const numbers = (events) => events.map((e) => Number(e.revision));
const wrong = async (promise, actual) => {
  const err = await promise.then(() => assert.fail("it was written"), (e) => e);
  assert.ok(err instanceof WrongExpectedVersionError, String(err));
  assert.equal(err.actualVersion ?? err.actualState, actual);
};

// Append, read forwards and backwards, from a revision.
const stream = "order-" + randomUUID();
const sent = [...Array(10)].map((_, n) => event(n));
let w = await append(stream, sent.slice(0, 4), NO_STREAM);
assert.equal(w.success, true);
assert.equal(w.nextExpectedRevision, 3n);
assert.ok(w.position.commit > 0n);
w = await append(stream, sent.slice(4), 3n);
assert.equal(w.nextExpectedRevision, 9n);
const raw = binaryEvent({ id: randomUUID(), type: "raw", data: Buffer.from([0, 255, 10]), metadata: Buffer.from([1, 0, 2]) });
await append(stream, [raw], STREAM_EXISTS);

const forwards = await collect(db.readStream(stream));
assert.deepEqual(numbers(forwards), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
forwards.slice(0, 10).forEach((e, i) => {
  assert.equal(e.id, sent[i].id);
  assert.equal(e.type, "order-placed");
  assert.equal(e.isJson, true);
  assert.deepEqual(e.data, { n: i, text: "ä 👋" });
  assert.deepEqual(e.metadata, { $correlationId: "c-1", by: name });
  assert.ok(Math.abs(new Date(e.created) - Date.now()) < 600e3, String(e.created));
});
assert.equal(forwards[10].isJson, false);
assert.deepEqual([...forwards[10].data], [0, 255, 10]);
assert.deepEqual([...forwards[10].metadata], [1, 0, 2]);
assert.deepEqual(numbers(await collect(db.readStream(stream, { fromRevision: 8n }))), [8, 9, 10]);
assert.deepEqual(numbers(await collect(db.readStream(stream, { fromRevision: 8n, maxCount: 2 }))), [8, 9]);
assert.deepEqual(numbers(await collect(db.readStream(stream, { direction: BACKWARDS, fromRevision: END, maxCount: 3 }))), [10, 9, 8]);
assert.deepEqual(numbers(await collect(db.readStream(stream, { direction: BACKWARDS, fromRevision: 1n }))), [1, 0]);
await assert.rejects(collect(db.readStream("no-such-" + randomUUID())), (e) => e instanceof StreamNotFoundError);

// All, both ways; a page backwards begins where the one before ended.
const all = await collect(db.readAll({ direction: FORWARDS, fromPosition: START }));
const mine = all.filter((e) => e.streamId === stream);
assert.deepEqual(mine.map((e) => e.id), [...sent.map((e) => e.id), raw.id]);
const last = await collect(db.readAll({ direction: BACKWARDS, fromPosition: END, maxCount: 2 }));
assert.deepEqual(numbers(last), [10, 9]);
const before = await collect(db.readAll({ direction: BACKWARDS, fromPosition: last[1].position, maxCount: 2 }));
assert.deepEqual(numbers(before), [8, 7]);
const from = await collect(db.readAll({ direction: FORWARDS, fromPosition: mine[9].position, maxCount: 2 }));
assert.deepEqual(numbers(from), [9, 10]);

// Conflicts, and ids that come again.
await wrong(append(stream, [event(99)], NO_STREAM), 10n);
await wrong(append(stream, [event(99)], 3n), 10n);
await wrong(append(stream, [event(99)], 77n), 10n);
await wrong(append("none-" + randomUUID(), [event(99)], 0n), "no_stream");
await wrong(append("none-" + randomUUID(), [event(99)], STREAM_EXISTS), "no_stream");
w = await append(stream, sent.slice(0, 4), NO_STREAM);
assert.equal(w.nextExpectedRevision, 3n);
w = await append(stream, sent.slice(4, 6), 3n);
assert.equal(w.nextExpectedRevision, 5n);
await wrong(append(stream, [sent[4], sent[6]], 3n), 10n);
w = await append(stream, [sent[1], sent[2]], ANY);
assert.equal(w.nextExpectedRevision, 2n);
await wrong(append(stream, [sent[1], event(99)], ANY), 10n);
w = await append(stream, [sent[1]], 10n); // EventStoreDB writes it again
assert.equal(w.nextExpectedRevision, 11n);
const again = await collect(db.readStream(stream, { fromRevision: 11n }));
assert.equal(again[0].id, sent[1].id);
assert.deepEqual(again[0].metadata, sent[1].metadata);

// What is refused.
const denied = (e) => e instanceof AccessDeniedError && /immutable|system stream/.test(String(e.message));
await assert.rejects(db.deleteStream(stream), denied);
await assert.rejects(db.tombstoneStream(stream), denied);
await assert.rejects(db.setStreamMetadata(stream, { maxAge: 1 }), denied);
await assert.rejects(append(stream, [jsonEvent({ type: "dev.baton.no.such.v1", data: {} })], ANY), /catalogue|dev\.baton/);

// Subscriptions: to the stream and to all, from a place, with filters.
class Heard {
  constructor(subscription) {
    this.events = [];
    this.caughtUp = false;
    this.subscription = subscription;
    this.ended = new Promise((resolve) => {
      subscription.on("error", resolve);
      subscription.on("end", resolve);
    });
    subscription.on("data", (r) => this.events.push(r.event));
    subscription.on("caughtUp", () => (this.caughtUp = true));
  }
  async until(n) {
    while (this.events.length < n) await once(this.subscription, "data");
    return this.events.map((e) => e.type + " " + e.revision);
  }
}
const checkpoints = [];
const one = new Heard(db.subscribeToStream(stream, { fromRevision: 9n }));
const whole = new Heard(db.subscribeToAll({ fromPosition: mine[10].position }));
const byStream = new Heard(db.subscribeToAll({
  fromPosition: START,
  filter: streamNameFilter({ prefixes: [stream], checkpointInterval: 1, maxSearchWindow: 1, checkpointReached: (_, p) => checkpoints.push(p.commit) }),
}));
const byType = new Heard(db.subscribeToAll({ fromPosition: START, filter: eventTypeFilter({ regex: "^r[a-z]+$" }) }));
const noSystem = new Heard(db.subscribeToAll({ fromPosition: mine[10].position, filter: excludeSystemEvents() }));
assert.deepEqual(await one.until(2), ["raw 10", "order-placed 11"]);
assert.deepEqual(await whole.until(1), ["order-placed 11"]);
assert.deepEqual(await noSystem.until(1), ["order-placed 11"]);
await byStream.until(12);
assert.equal((await byType.until(1)).at(-1).split(" ")[0], "raw");
const types = byType.events.length;
await append("other-" + randomUUID(), [event(1, "elsewhere")], NO_STREAM);
await append(stream, [event(2, "run")], 11n);
assert.deepEqual(await whole.until(3), ["order-placed 11", "elsewhere 0", "run 12"]);
assert.deepEqual(await one.until(3), ["raw 10", "order-placed 11", "run 12"]);
assert.equal((await byStream.until(13)).at(-1), "run 12");
assert.equal((await byType.until(types + 1)).at(-1), "run 12");
assert.ok(byStream.caughtUp && whole.caughtUp && one.caughtUp, "caught up");
assert.ok(checkpoints.length > 0, "no checkpoint");

// The server is stopped and started. Subscriptions end with an error, and begin again at the last place.
const lines = readline.createInterface({ input: process.stdin });
console.log("RESTART");
await once(lines, "line");
lines.close();
await Promise.all([one, whole, byStream, byType, noSystem].map((h) => h.ended));
const reconnected = async (use) => {
  for (let tries = 0; ; tries++) {
    try {
      return await use();
    } catch (err) {
      if (tries === 50) throw err;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
};
const id = randomUUID();
w = await reconnected(() => append(stream, [jsonEvent({ id, type: "after", data: {} })], 12n));
assert.equal(w.nextExpectedRevision, 13n);
const resumed = new Heard(db.subscribeToAll({ fromPosition: whole.events.at(-1).position }));
assert.deepEqual(await resumed.until(1), ["after 13"]);
assert.equal(resumed.events[0].id, id);
assert.deepEqual(numbers(await collect(db.readStream(stream))), [...Array(14).keys()]);
await resumed.subscription.unsubscribe();
await db.dispose();
console.log("GOOD");
process.exit(0);
