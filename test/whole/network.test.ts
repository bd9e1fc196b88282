// Whether the simulated network has what TCP does to a message: a long one on a slow way arrives in parts.
import { expect, test } from "bun:test";
import type { Message } from "../../src/core/messages.ts";
import type { TransportHandler } from "../../src/ports/transport.ts";
import { Chance } from "../../src/sim/chance.ts";
import { Life } from "../../src/sim/life.ts";
import { SimNetwork } from "../../src/sim/network.ts";
import { type Process, processOf } from "../../src/sim/process.ts";
import { Schedule } from "../../src/sim/schedule.ts";

const readIndex: Message = { kind: "readIndex", term: 1, id: 1 };

const appendEntries = (bytes: number): Message => ({
  kind: "appendEntries",
  term: 1,
  prev: { index: 0, term: 0 },
  prevChain: 0,
  entries: [{ kind: "command", index: 1, term: 1, stampMs: 0, payload: new Uint8Array(bytes), session: null }],
  leaderCommit: 0,
  round: 1,
  freshAsOf: null,
  confirmed: 0,
  refill: null,
});

/** What n2 notices of these messages of n1, and when, ms. */
function noticed(messages: readonly Message[], lagMs: number): readonly string[] {
  const schedule = new Schedule();
  const chance = new Chance(1);
  const pace = {
    delayMs: { low: 1, high: 1 },
    bulkMs: { low: 0, high: 0 },
    redialMs: { low: 0, high: 0 },
    silenceMs: 1e6,
    crashNotice: 0,
    outlives: 0,
  };
  const network = new SimNetwork(schedule, chance, pace, () => {});
  const seen: string[] = [];
  let sentMs = 0;
  const see = (what: string): void => void seen.push(`${what} after ${Math.round(schedule.nowMs - sentMs)}`);
  const nodes = ["n1", "n2"].map((id): Process => {
    const process = processOf({ id, incarnation: "a", bootId: id }, id, new Life(schedule, chance), null, () => {});
    process.peers = [
      { id: "n1", address: "n1" },
      { id: "n2", address: "n2" },
    ];
    process.handler = {
      onPeerConnected: () => {},
      onPartReceived: () => see("a part"),
      onMessage: (_from: string, { kind }: { readonly kind: string }) => see(kind),
    } as unknown as TransportHandler;
    network.join(process);
    return process;
  });
  while (schedule.runNext());
  network.slow("n1", "n2", lagMs);
  sentMs = schedule.nowMs;
  for (const message of messages) network.send(nodes[0]!, nodes[1]!.key, message);
  while (schedule.runNext());
  return seen;
}

test("a part of a long message comes before the whole of it on a slow way, and behind what was sent before", () => {
  expect(noticed([appendEntries(1000)], 50)).toEqual(["a part after 1", "appendEntries after 51"]);
  expect(noticed([readIndex, appendEntries(1000)], 50)).toEqual(["readIndex after 51", "appendEntries after 51"]);
});

test("a short message, and one on a quick way, comes as a whole", () => {
  expect(noticed([readIndex], 50)).toEqual(["readIndex after 51"]);
  expect(noticed([appendEntries(1000)], 0)).toEqual(["appendEntries after 1"]);
});
