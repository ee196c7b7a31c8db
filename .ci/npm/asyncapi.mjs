// Parses an AsyncAPI document with the foundation's own parser and prints what it found in it, as JSON; its complaints go to standard error.
import { readFileSync } from 'node:fs';
import { Parser } from '@asyncapi/parser';

const { document, diagnostics } = await new Parser().parse(readFileSync(process.argv[2], 'utf8'));
const complaints = diagnostics.filter((d) => d.severity <= 1); // errors and warnings
for (const d of complaints) console.error(`${d.code} at ${d.path.join('.')}: ${d.message}`);
if (!document || complaints.length > 0) process.exit(1);

console.log(JSON.stringify({
  version: document.version(),
  servers: document.servers().all().map((s) => `${s.protocol()}://${s.host()}`),
  channels: document.channels().all().map((c) => c.address()),
  operations: document.operations().all().map((o) => `${o.action()} ${o.id()}${o.reply() ? ' with reply' : ''}`),
  messages: document.messages().all().length,
}));
