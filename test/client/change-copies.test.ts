// How often is a change of the membership sent, and how much time has each copy? A node that has not begun it may be asked again, as
// long as there is time for its answer. What becomes of a change that may have begun is membership.test.ts.
import { describe, expect, test } from "bun:test";
import { GraftClient } from "../../src/client/client.ts";
import type { Dial } from "../../src/client/connection.ts";
import { noRequest } from "../../src/client/membership.ts";
import type { GraftError } from "../../src/errors.ts";
import type { RequestedChange } from "../../src/ports/membership-requests.ts";
import type { ClientReply } from "../../src/ports/requests.ts";
import { PlayedTime } from "./played-time.ts";

const adding: RequestedChange = {
  ...noRequest,
  add: [{ id: "n3", address: "n3:1", priority: null, voter: true, behindNat: false }],
};

test("a change that no node has begun is not in doubt: each copy leaves the node the time in which it can still answer", async () => {
  const time = new PlayedTime();
  const given: number[] = [];
  const dial: Dial = async (_, { onReply }) => ({
    clusterUuid: "c1",
    close: () => {},
    send: (request) => {
      if (request.kind !== "changeMembership") return;
      const { id, timeoutMs } = request;
      given.push(timeoutMs);
      const message = "no answer yet whether n3 can be reached; the change was not begun";
      const reply: ClientReply = { kind: "error", id, code: "unavailable", message, leader: null };
      time.at(time.nowMs() + timeoutMs, () => onReply(reply));
    },
  });
  const client = new GraftClient({ addresses: ["n1:1"], dial, clock: time, session: "none" });
  const code = client.changeMembership(adding, { timeoutMs: 10_000 }).catch((failure: GraftError) => failure.code);
  expect(await time.until(code)).toBe("unavailable");
  // The second copy has what is left, less a short pause. For a third one there is no time.
  expect(given).toEqual([9000, expect.any(Number)]);
  expect(given[1]).toBeLessThanOrEqual(900);
  await client.close();
});

describe("a change with little time", () => {
  const voting = { voters: ["n1"], learners: [], quorum: 1, tolerates: 0 };

  /** What each copy of it gives the node, ms, and how it ends. f:1 does not lead; l:1 leads from `leadsFromMs` on. */
  async function played(timeoutMs: number, leadsFromMs: number, dryRun = false) {
    const time = new PlayedTime();
    const given: number[] = [];
    const dial: Dial = async (address, { onReply }) => ({
      clusterUuid: "c1",
      close: () => {},
      send: (request) => {
        if (request.kind !== "changeMembership") return;
        const { id } = request;
        given.push(request.timeoutMs);
        const isThere = time.passedMs >= leadsFromMs;
        const leader = isThere ? { id: "l", address: "l:1" } : null;
        const done = dryRun
          ? ({
              kind: "membershipPlan",
              id,
              index: 7,
              before: voting,
              after: voting,
              nodes: [],
              risks: [],
              refusal: null,
            } as const)
          : ({ kind: "membershipChanged", id, index: 7, message: "done" } as const);
        const notLeader = {
          kind: "error",
          id,
          code: "not-leader",
          message: "this node does not lead",
          leader,
        } as const;
        queueMicrotask(() => onReply(isThere && address === "l:1" ? done : notLeader));
      },
    });
    const client = new GraftClient({ addresses: ["f:1", "l:1"], dial, clock: time, session: "none" });
    const asked = dryRun
      ? client.planMembership(adding, { timeoutMs })
      : client.changeMembership(adding, { timeoutMs });
    const ended = asked.then(
      () => "answered",
      ({ code, message }: GraftError) => `${code}: ${message}`,
    );
    const end = await time.until(ended);
    await client.close();
    return { end, given };
  }

  test("follows the word of who leads, however little", async () => {
    for (const dryRun of [false, true]) expect((await played(100, 0, dryRun)).end).toBe("answered");
  });

  test("that has a late redirect gives the next node no time below zero", async () => {
    // It is due at 60 ms. The deadlines are looked at every 50 ms.
    const time = new PlayedTime();
    const given: number[] = [];
    const dial: Dial = async (address, { onReply }) => ({
      clusterUuid: "c1",
      close: () => {},
      send: (request) => {
        if (request.kind !== "changeMembership") return;
        const { id } = request;
        given.push(request.timeoutMs);
        const leader = { id: "l", address: "l:1" };
        const redirect = { kind: "error", id, code: "not-leader", message: "this node does not lead", leader } as const;
        if (address === "f:1") time.at(time.nowMs() + 80, () => onReply(redirect));
      },
    });
    const client = new GraftClient({ addresses: ["f:1", "l:1"], dial, clock: time, session: "none" });
    const code = client.changeMembership(adding, { timeoutMs: 60 }).catch((failure: GraftError) => failure.code);
    expect(await time.until(code)).toBe("outcome-unknown");
    expect(given).toEqual([54, 1]);
    await client.close();
  });

  test("is not sent again when the node could hardly answer, unless it is only a plan", async () => {
    for (let timeoutMs = 2_000; timeoutMs < 2_300; timeoutMs += 25) {
      const { end, given } = await played(timeoutMs, Number.POSITIVE_INFINITY);
      expect(end).toStartWith("unavailable: too little time is left to ask again: this node does not lead");
      expect(Math.min(...given)).toBeGreaterThanOrEqual(180);
      expect(given.length).toBeGreaterThan(5);
    }
    expect(Math.min(...(await played(2_000, Number.POSITIVE_INFINITY, true)).given)).toBeLessThan(180);
  });
});
