// What a request to roll a version out does at a leader: a dry run changes nothing, and any other has one entry proposed, or is refused.
import { expect, test } from "bun:test";
import type { VersionAtHand } from "../../src/core/activation.ts";
import type { MemberKey } from "../../src/core/configuration.ts";
import { OpenRequests } from "../../src/node/open-requests.ts";
import { onRollOutRequest } from "../../src/node/roll-out.ts";
import { timeoutMsMax, type Waiter } from "../../src/node/waiting-clients.ts";
import type { ClientReply } from "../../src/ports/requests.ts";
import type { ClientConnection } from "../../src/ports/transport.ts";
import type { RollOutRequest } from "../../src/ports/version-requests.ts";
import { leader } from "../core/build.ts";
import { at, n1, n2, n3 } from "../core/say.ts";
import { ManualClock } from "../doubles/manual-clock.ts";
import { someone } from "./test-asker.ts";

const version = (number: string): VersionAtHand => ({
  name: "kv",
  version: number,
  hash: "ab".repeat(32),
  snapshots: true,
});
const code = (number: string) => ({ name: "kv", version: number, hash: "ab".repeat(32) });
const both = [version("1"), version("2")];

/** A leader whose active version is 1; the others have these versions. */
function setUp(others: readonly VersionAtHand[] = both) {
  const state = leader({ members: [n1, n2, n3] });
  const activations = [{ position: at(1, 1), plugin: code("1"), replaces: false }];
  const clock = new ManualClock({ startMs: 500 });
  const open = new OpenRequests();
  const told: ClientReply[] = [];
  const submitted: Waiter[] = [];
  const ask = (request: Partial<RollOutRequest> = {}): readonly ClientReply[] => {
    onRollOutRequest(
      {
        state: { ...state, log: { ...state.log, activations } },
        versions: both,
        versionsOf: (_: MemberKey) => others,
        refusalOfChanges: null,
        standstill: null,
        clock,
        open,
        submit: (waiter) => void submitted.push(waiter),
      },
      { kind: "rollOut", id: 7, timeoutMs: 1_000, version: "2", replaces: false, dryRun: false, ...request },
      someone as unknown as ClientConnection,
      (reply) => void told.push(reply),
    );
    return told;
  };
  return { ask, open, submitted, told };
}

const rolledOut = { kind: "rolledOut", id: 7, plugin: code("2"), before: code("1"), refusal: null } as const;

test("a dry run tells what would become of it, proposes nothing and takes no room", () => {
  const fine = setUp();
  expect(fine.ask({ dryRun: true })).toEqual([{ ...rolledOut, index: null }]);
  const lacking = setUp([version("1")]);
  const refusal = expect.stringContaining("not every voter has kv 2");
  expect(lacking.ask({ dryRun: true })).toEqual([{ ...rolledOut, index: null, refusal }]);
  for (const { submitted, open } of [fine, lacking]) expect([submitted, open.count]).toEqual([[], 0]);
});

test("one that is refused is told why, proposes nothing and takes no room", () => {
  const { ask, submitted, open } = setUp([version("1")]);
  const message = expect.stringContaining("not every voter has kv 2");
  expect(ask()).toEqual([{ kind: "error", id: 7, code: "rejected", message, leader: null }]);
  expect(ask({ version: "9" })[1]).toMatchObject({
    code: "rejected",
    message: expect.stringContaining("no version 9"),
  });
  expect([submitted, open.count]).toEqual([[], 0]);
});

test("any other is proposed, takes its room until it is seen through, and tells of the entry by which it is active", () => {
  const { ask, submitted, open, told } = setUp();
  expect(ask()).toEqual([]);
  expect(submitted).toMatchObject([
    { kind: "activate", plugin: code("2"), replaces: false, from: someone, dueMs: 1_500 },
  ]);
  expect(submitted[0]!.payload.byteLength).toBe(0);
  expect(open.count).toBe(1);
  submitted[0]!.succeed(new Uint8Array(), at(5, 1), null);
  expect(told).toEqual([{ ...rolledOut, index: 5 }]);
  submitted[0]!.open.close();
  expect(open.count).toBe(0);
});

test("one that is to wait for ever does not", () => {
  const { ask, submitted } = setUp();
  ask({ timeoutMs: 1e12 });
  expect(submitted[0]!.dueMs).toBe(500 + timeoutMsMax);
});

test("there is no room for it while its client has too much under way", () => {
  const { ask, submitted, open } = setUp();
  while (open.objection(someone.name, 0) === null) open.open(someone.name, 0);
  const { count } = open;
  const message = expect.stringContaining("requests of 0 bytes are under way already");
  expect(ask()).toEqual([{ kind: "error", id: 7, code: "overloaded", message, leader: null }]);
  expect([submitted, open.count]).toEqual([[], count]);
});
