// What becomes of a request to skip an entry: who or what stands in the way, and what every node of a cluster does about it.
import { afterEach, describe, expect, test } from "bun:test";
import type { PlacedActivation, VersionAtHand } from "../../src/core/activation.ts";
import { type MemberKey, nodeIdOf, toMemberKey } from "../../src/core/configuration.ts";
import { type SkipView, whyNotSkipped } from "../../src/node/skip-entry.ts";
import { leader } from "../core/build.ts";
import { at, n1, n2, n3, n4 } from "../core/say.ts";
import { Cluster } from "./cluster.ts";

const v1: VersionAtHand = { name: "recording", version: "1", hash: "1".repeat(64), snapshots: true };

interface Setting {
  readonly stuckAt: number | null;
  readonly standing: readonly MemberKey[];
  readonly outgoing: readonly MemberKey[];
  readonly knowing: readonly string[];
  readonly learners: readonly MemberKey[];
}

function refusal(setting: Partial<Setting> = {}, entry = 7): string | null {
  const { stuckAt = 7, standing = [n2], outgoing = [], knowing = ["n2", "n3", "n4"], learners = [] } = setting;
  const members = [...new Set([n1, n2, n3, ...outgoing, ...learners])];
  const state = leader({ members, configuration: { voters: [n1, n2, n3], outgoing } });
  const activations: readonly PlacedActivation[] = [{ position: at(2, 1), plugin: v1, replaces: false }];
  const view: SkipView = {
    state: { ...state, log: { ...state.log, activations } },
    stuckAt,
    appliedIndex: entry - 1,
    standsStillAt: (key) => standing.includes(key),
    peers: () =>
      knowing.map((id) => ({
        id,
        address: "",
        reachable: true,
        reason: null,
        version: null,
        announced: null,
        knowsSkips: true,
      })),
  };
  return whyNotSkipped(entry, view);
}

describe("an entry is skipped", () => {
  test("where a majority of the voters stands still at it, the leader among them", () => {
    expect(refusal()).toBeNull();
    expect(refusal({ standing: [n2, n3] })).toBeNull();
  });

  test("only if the leader stands still at that very entry", () => {
    expect(refusal({ stuckAt: 8 })).toContain("cannot get past entry 8, so entry 7 is not skipped");
    expect(refusal({ stuckAt: null })).toContain("stands still at no entry that is known, so entry 7 is not skipped");
  });

  test("only with a majority of the voters", () => {
    expect(refusal({ standing: [] })).toStartWith("only n1 of n1, n2, n3 cannot get past entry 7");
  });

  test("only with a majority of both halves while the members change", () => {
    expect(refusal({ outgoing: [n2, n3, n4], standing: [n2] })).toStartWith("only n1, n2 of n1, n2, n3, n4");
    expect(refusal({ outgoing: [n2, n3, n4], standing: [n2, n4] })).toBeNull();
  });

  test("never if it activates a version", () => {
    expect(refusal({ stuckAt: 2 }, 2)).toContain("entry 2 activates a version of the plugin and cannot be skipped");
  });

  test("only if every other member understands it", () => {
    expect(refusal({ knowing: ["n2"] })).toStartWith("n3 did not say that they understand it");
  });

  test("also if a disk that the leader had before is still a member", () => {
    expect(refusal({ learners: [toMemberKey(nodeIdOf(n1), "lost")] })).toBeNull();
  });
});

let open: Cluster | null = null;
afterEach(async () => {
  await open?.stopAll();
  open = null;
});

const skip =
  (entry: number, dryRun = false) =>
  (id: number) =>
    ({ kind: "skip", id, timeoutMs: 5_000, entry, dryRun }) as const;

/** Every state machine stands still at the entry at this index. */
async function poisoned() {
  const cluster = (open = await Cluster.founded(["n1", "n2", "n3"], { versions: [v1] }));
  for (const { machine } of cluster.members.values()) machine.poison = "bad news";
  const client = cluster.client(cluster.leader.id);
  client.command("good");
  await cluster.advance(100);
  client.command("bad news");
  client.command("later");
  await cluster.advance(2_000, 50);
  const entry = cluster.leader.node.parts.applier.stuckAt!;
  expect(client.replies.slice(0, 3)).toEqual([`1 result ${entry - 1}.1 good`, "2 apply-failed", expect.any(String)]);
  client.raw.length = 0;
  return { cluster, client, entry };
}

describe("in a cluster", () => {
  test("every node passes over the entry, applies what follows it, and takes commands again", async () => {
    const { cluster, client, entry } = await poisoned();
    const { leader: led } = cluster;
    client.send(skip(entry));
    await cluster.advance(2_000, 50);
    expect(client.raw).toMatchObject([{ kind: "skipped", index: entry + 2, operation: "bad", refusal: null }]);
    expect(cluster.leader).toBe(led);
    client.command("more");
    await cluster.advance(1_000, 50);
    for (const { id, machine, node } of cluster.members.values()) {
      const applied = [`${entry - 1}:good`, `${entry}:skipped`, `${entry + 1}:later`, `${entry + 3}:more`];
      expect([id, machine.applied, node.parts.applier.standstill]).toEqual([id, applied, null]);
    }
  });

  test("a dry run says what would be skipped, and skips nothing", async () => {
    const { cluster, client, entry } = await poisoned();
    client.send(skip(entry, true));
    client.send(skip(entry + 1, true));
    await cluster.advance(2_000, 50);
    expect(client.raw).toMatchObject([
      { kind: "skipped", index: null, operation: "bad", refusal: null },
      {
        kind: "skipped",
        index: null,
        operation: null,
        refusal: expect.stringContaining(`cannot get past entry ${entry}`),
      },
    ]);
    expect(cluster.leader.node.parts.applier.stuckAt).toBe(entry);
  });

  test("another entry is refused, and a follower names the leader", async () => {
    const { cluster, client, entry } = await poisoned();
    client.send(skip(entry + 1));
    const other = cluster.client(cluster.followers[0]!.id);
    other.send(skip(entry));
    await cluster.advance(1_000, 50);
    expect(client.raw).toMatchObject([{ kind: "error", code: "rejected" }]);
    expect(other.raw).toMatchObject([{ kind: "error", code: "not-leader", leader: { id: cluster.leader.id } }]);
  });

  test("an entry that is skipped already is answered with the decision", async () => {
    const { cluster, client, entry } = await poisoned();
    client.send(skip(entry));
    await cluster.advance(2_000, 50);
    client.send(skip(entry));
    await cluster.advance(100);
    expect(client.raw[1]).toMatchObject({ kind: "skipped", index: entry + 2 });
  });

  test("a node that starts anew passes over it as well", async () => {
    const { cluster, client, entry } = await poisoned();
    client.send(skip(entry));
    await cluster.advance(2_000, 50);
    const { id } = cluster.followers[0]!;
    const disk = await cluster.crash(id);
    const back = await cluster.start(id, { versions: [v1], disk });
    back.machine.poison = "bad news";
    await cluster.until("it is in step", () => back.node.appliedIndex >= entry + 2);
    expect(back.machine.applied).toContain(`${entry}:skipped`);
  });
});
