// A client that takes all it can get, as a process of its own: `count` requests under way on one connection, or `count`
// connections, until it is killed. Prints a line once it is at work, and one with what it got when its input ends.
//
//   bun bench/greedy-client.ts CERTS CLUSTER NAME ADDRESS get|list|put|smallPut|open|status|connect COUNT
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { tlsDial } from "../src/client/dial.ts";
import type { Link } from "../src/client/connection.ts";
import { encodeOperation } from "../src/client/typed-payload.ts";
import { armFailStop } from "../src/fail-stop.ts";
import type { ClientRequest } from "../src/ports/requests.ts";
import { version } from "../src/version.ts";

armFailStop();

const [certs = "", cluster = "", name = "", address = "", what = "", count = "1"] = process.argv.slice(2);
const read = (file: string): string => readFileSync(join(certs, file), "utf8");
const tls = { ca: read("ca.crt"), cert: read(`${name}.crt`), key: read(`${name}.key`) };
const dial = tlsDial({ cluster, name, tls, software: version });
const timeoutMs = 60_000;
const largeBytes = 1024 * 1024;
const smallBytes = 64;

const handshakesMax = 64;

let answers = 0;
let refusals = 0;

function requestOf(id: number): ClientRequest {
  if (what === "status") return { kind: "status", id };
  if (what === "open") return { kind: "openSession", id, timeoutMs, sessionTimeoutMs: timeoutMs };
  if (what === "put" || what === "smallPut") {
    const value = new Uint8Array(what === "put" ? largeBytes : smallBytes);
    return {
      kind: "command",
      id,
      payload: encodeOperation("put", { key: `greedy${id % 16}`, value }),
      timeoutMs,
      session: null,
    };
  }
  const payload =
    what === "list" ? encodeOperation("list", { limit: 10_000 }) : encodeOperation("get", { key: "large" });
  return { kind: "query", id, payload, timeoutMs, consistency: "stale", maxStalenessMs: null };
}

async function ask(): Promise<void> {
  let id = 0;
  const link: Link = await dial(address, {
    onReply: (reply) => {
      if (reply.kind === "error") refusals++;
      else answers++;
      link.send(requestOf(++id));
    },
    onClosed: ({ reason }) => {
      console.error(`the greedy client's connection has ended: ${reason}`);
    },
  });
  for (let nth = 0; nth < Number(count); nth++) link.send(requestOf(++id));
}

async function connect(): Promise<void> {
  const one = (): Promise<void> =>
    dial(address, { onReply: () => {}, onClosed: () => {} }).then(
      () => void answers++,
      () => void refusals++,
    );
  // A node drops the oldest of too many that have not introduced themselves yet.
  for (let left = Number(count); left > 0; left -= handshakesMax) {
    await Promise.all(Array.from({ length: Math.min(left, handshakesMax) }, one));
  }
}

await (what === "connect" ? connect() : ask());
console.log("at work");
for await (const line of console) void line;
console.log(JSON.stringify({ answers, refusals }));
process.exit(0);
