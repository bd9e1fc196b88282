// Whoever asks a node whose disk is full gets an answer: it is told to ask another one.
import { afterEach, expect, test } from "bun:test";
import type { Effect } from "../../src/core/effects.ts";
import type { Event } from "../../src/core/events.ts";
import { turnedAway } from "../../src/node/wait-for-room.ts";
import { n2 } from "../core/say.ts";
import { changing } from "./administering.ts";
import { Cluster } from "./cluster.ts";

let open: Cluster | null = null;
afterEach(async () => {
  await open?.stopAll();
  open = null;
});

test("each event that somebody waits for has its answer, and no other event has an effect", () => {
  const change = { add: [], promote: [], demote: [], remove: [], prioritize: [] };
  const answers: readonly (readonly [Event, Effect["kind"] | null])[] = [
    [
      { kind: "propose", nowMs: 1, proposals: [{ kind: "closeSession", ref: 7, client: "a", session: 1 }] },
      "proposalsRefused",
    ],
    [{ kind: "read", nowMs: 1, ref: 7 }, "readRefused"],
    [{ kind: "transferLeadership", nowMs: 1, ref: 7, to: null }, "transferSettled"],
    [{ kind: "changeMembership", nowMs: 1, ref: 7, change, expectedIndex: null }, "changeSettled"],
    [{ kind: "tick", nowMs: 1 }, null],
    [{ kind: "persisted", nowMs: 1, ticket: 7 }, null],
    [{ kind: "peerCrashed", nowMs: 1, peer: n2 }, null],
  ];
  for (const [event, answer] of answers) {
    const effects = turnedAway(event);
    expect(effects.map(({ kind }) => kind)).toEqual(answer === null ? [] : [answer]);
    for (const effect of effects) {
      expect("refs" in effect ? effect.refs : effect).toMatchObject("refs" in effect ? [7] : { ref: 7 });
    }
  }
});

test("a client that asks a node without room is answered at once, whatever it asks", async () => {
  const cluster = await Cluster.founded(["n1", "n2", "n3"]);
  open = cluster;
  const { leader } = cluster;
  leader.room = { freeBytes: 1, totalBytes: 2 ** 40 };
  leader.store.isFull = true;
  cluster.client(leader.id).command("too much");
  await cluster.settle();
  const client = cluster.client(leader.id);
  client.command("a");
  client.query("a");
  client.openSession();
  client.send((id) => ({ kind: "backup", id, timeoutMs: 60_000 }));
  client.send((id) => ({ kind: "transferLeadership", id, to: null }));
  client.send(changing({ prioritize: [{ name: leader.id, priority: 1 }] }));
  await cluster.settle();
  const codes = client.replies.map((reply) => reply.split(" ")[1]);
  expect(codes).toEqual(Array.from({ length: 6 }, () => "not-leader"));
});
