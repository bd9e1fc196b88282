// What becomes of a request to roll a version out: which version is meant, and who or what stands in the way.
import { describe, expect, test } from "bun:test";
import type { PlacedActivation, PluginVersion, VersionAtHand } from "../../src/core/activation.ts";
import type { MemberKey } from "../../src/core/configuration.ts";
import { VersionLacking } from "../../src/node/active-version.ts";
import { OpenRequests } from "../../src/node/open-requests.ts";
import { decideRollOut, onRollOutRequest, type RollOutView } from "../../src/node/roll-out.ts";
import type { ReplyError, Waiter } from "../../src/node/waiting-clients.ts";
import type { ClientReply } from "../../src/ports/requests.ts";
import type { ClientConnection } from "../../src/ports/transport.ts";
import type { RollOutRequest } from "../../src/ports/version-requests.ts";
import { ManualClock } from "../doubles/manual-clock.ts";
import { someone } from "./test-asker.ts";
import { follower, leader } from "../core/build.ts";
import { at, n1, n2, n3, n4 } from "../core/say.ts";

const plugin = (version: string, hash = "ab", snapshots = true): VersionAtHand => ({
  name: "kv",
  version,
  hash: hash.repeat(32),
  snapshots,
});
const [v1, v2] = [plugin("1"), plugin("2")];

interface Setting {
  readonly versions: readonly VersionAtHand[];
  readonly active: PluginVersion | null;
  /** Active before that one. */
  readonly earlier: PluginVersion | null;
  /** Activated after the active one. */
  readonly later: readonly (Pick<PlacedActivation, "plugin"> & Partial<PlacedActivation>)[];
  readonly others: ReadonlyMap<MemberKey, readonly PluginVersion[]>;
  readonly standstill: Error | null;
  readonly outgoing: readonly MemberKey[];
}

const both = [v1, v2];
const all = new Map([n2, n3].map((key) => [key, both] as const));

function view(setting: Partial<Setting>) {
  const { versions = both, active = v1, earlier = null, others = all, standstill = null, outgoing = [] } = setting;
  const { later = [] } = setting;
  const members = [n1, n2, n3, ...outgoing];
  const state = leader({ members, configuration: { voters: [n1, n2, n3], outgoing } });
  const activated = [...[earlier, active].flatMap((each) => (each === null ? [] : [{ plugin: each }])), ...later];
  const activations: readonly PlacedActivation[] = activated.map((each, nth) => ({
    replaces: false,
    ...each,
    position: at(1 + nth, 1),
  }));
  const log = { ...state.log, activations };
  return {
    state: { ...state, log },
    versions,
    standstill,
    versionsOf: (key) => others.get(key) ?? null,
  } satisfies RollOutView;
}

const decide = (setting: Partial<Setting> = {}, version: string | null = null, replaces = false) =>
  decideRollOut({ version, replaces }, view(setting));

function refusal(setting: Partial<Setting>, version: string | null = null, replaces = false): string | null {
  const decision = decide(setting, version, replaces);
  return typeof decision === "string" ? decision : decision.refusal;
}

interface Circumstances extends Partial<Setting> {
  readonly refusalOfChanges?: ReplyError;
  readonly follows?: boolean;
}

/** What a node is handed by a request, and what it tells its client. */
function asking({ refusalOfChanges, follows = false, ...setting }: Circumstances = {}) {
  const told: ClientReply[] = [];
  const waiters: Waiter[] = [];
  const open = new OpenRequests();
  const seen = view(setting);
  const target = {
    ...seen,
    state: follows ? follower({ leader: n2 }) : seen.state,
    refusalOfChanges: refusalOfChanges ?? null,
    clock: new ManualClock({ startMs: 5_000 }),
    open,
    submit: (waiter: Waiter) => void waiters.push(waiter),
  };
  const ask = (more: Partial<RollOutRequest> = {}): Waiter | undefined => {
    const request = { kind: "rollOut", id: 7, timeoutMs: 1_000, version: "2", replaces: false, dryRun: false } as const;
    const client = someone as unknown as ClientConnection;
    onRollOutRequest(target, { ...request, ...more }, client, (reply) => void told.push(reply));
    return waiters.at(-1);
  };
  return { ask, told, waiters, open };
}

describe("a request", () => {
  const bare = { name: "kv", version: "2", hash: "ab".repeat(32) };
  const before = { name: "kv", version: "1", hash: "ab".repeat(32) };

  test("is handed on with the version alone, counts as open, and is answered with where it became active", () => {
    const { ask, told, open } = asking();
    const waiter = ask()!;
    expect(waiter).toMatchObject({ kind: "activate", replaces: false, from: someone, dueMs: 6_000 });
    expect(waiter).toHaveProperty("plugin", expect.objectContaining(bare));
    expect(waiter).not.toHaveProperty("plugin.snapshots");
    expect([open.count, open.bytes, told]).toEqual([1, 0, []]);
    waiter.open.close();
    expect(open.count).toBe(0);
    waiter.succeed(new Uint8Array(), at(5, 1), null);
    const { plugin: active } = waiter as unknown as { readonly plugin: PluginVersion };
    expect(told).toEqual([
      { kind: "rolledOut", id: 7, index: 5, plugin: active, before: expect.objectContaining(before), refusal: null },
    ]);
  });

  test("counts as open for the client that sent it", () => {
    const { ask, open } = asking();
    const names: string[] = [];
    const begin = open.open.bind(open);
    open.open = (name, bytes) => {
      names.push(name);
      return begin(name, bytes);
    };
    ask();
    expect(names).toEqual(["someone"]);
  });

  test("does not wait for longer than ten minutes", () => {
    expect(asking().ask({ timeoutMs: 2 ** 40 })?.dueMs).toBe(605_000);
  });

  test("hands on that it is other code of a number", () => {
    const changed = plugin("1", "cd");
    const others = new Map([n2, n3].map((key) => [key, [changed]] as const));
    const { ask } = asking({ versions: [changed], others });
    expect(ask({ version: null, replaces: true })).toMatchObject({ kind: "activate", replaces: true });
  });

  test("of a dry run is answered at once, also with what stands in the way, and nothing is handed on", () => {
    const { ask, told, waiters, open } = asking();
    ask({ dryRun: true });
    const refused = asking({ others: new Map() });
    refused.ask({ dryRun: true });
    const plan = { kind: "rolledOut", id: 7, index: null, plugin: bare, before };
    expect([...told, ...refused.told]).toMatchObject([
      { ...plan, refusal: null },
      { ...plan, refusal: expect.stringContaining("n2 does not answer") },
    ]);
    expect([waiters, refused.waiters, open.count]).toEqual([[], [], 0]);
  });

  test("is not taken by a node that takes no changes or does not lead, not even to try", () => {
    const refusalOfChanges = { code: "unavailable", message: "this node is stopping", leader: null } as const;
    for (const dryRun of [false, true]) {
      const refusing = asking({ refusalOfChanges });
      refusing.ask({ dryRun });
      expect(refusing.told).toEqual([{ kind: "error", id: 7, ...refusalOfChanges }]);
      const other = asking({ follows: true });
      other.ask({ dryRun });
      expect(other.told).toMatchObject([{ kind: "error", id: 7, code: "not-leader", leader: { id: "n2" } }]);
      expect([refusing.waiters, other.waiters, refusing.open.count, other.open.count]).toEqual([[], [], 0, 0]);
    }
  });

  test("that cannot be met, or for which its client has no room, is refused and not handed on", () => {
    const lacking = asking({ others: new Map() });
    lacking.ask();
    const unknown = asking();
    unknown.ask({ version: "3" });
    const crowded = asking();
    while (crowded.open.objection("someone", 0) === null) crowded.open.open("someone", 0);
    const { count } = crowded.open;
    crowded.ask();
    expect([...lacking.told, ...unknown.told, ...crowded.told]).toMatchObject([
      { kind: "error", id: 7, code: "rejected", message: expect.stringContaining("not every voter has kv 2") },
      { kind: "error", id: 7, code: "rejected", message: expect.stringContaining("has no version 3") },
      { kind: "error", id: 7, code: "overloaded", message: expect.stringContaining('for "someone"') },
    ]);
    expect([lacking.waiters, unknown.waiters, crowded.waiters]).toEqual([[], [], []]);
    expect([lacking.open.count, crowded.open.count]).toEqual([0, count]);
  });

  test("that was told that nobody knows in time hears nothing more when the version becomes active later", () => {
    const { ask, told } = asking();
    const waiter = ask()!;
    waiter.fail({ code: "outcome-unknown", message: "not in time", leader: null });
    waiter.succeed(new Uint8Array(), at(5, 1), null);
    expect(told).toEqual([{ kind: "error", id: 7, code: "outcome-unknown", message: "not in time", leader: null }]);
  });
});

describe("the version that is meant is", () => {
  test("the last one of the leader's, or the one that is named", () => {
    expect(decide()).toMatchObject({ plugin: v2, active: { plugin: v1 }, refusal: null });
    expect(decide({ active: v2 }, "1")).toMatchObject({ plugin: v1, active: { plugin: v2 }, refusal: null });
  });

  test("none, when the leader does not have it", () => {
    expect(decide({}, "3")).toBe(
      "n1, which leads, has no version 3; it has kv 1 (abababababab) and kv 2 (abababababab)",
    );
  });

  test("the active one again, which needs nobody", () => {
    expect(refusal({ active: v2, others: new Map() })).toBeNull();
  });

  test("the first one of a log that names none", () => {
    expect(decide({ active: null })).toMatchObject({ plugin: v2, active: null, refusal: null });
  });
});

describe("a version is refused", () => {
  test("with the names of the voters that do not have it, or have not said so", () => {
    const others = new Map([[n2, [v1]]]);
    expect(refusal({ others })).toBe(
      "not every voter has kv 2 (abababababab): n2 has kv 1 (abababababab), n3 does not answer; put it beside the version that " +
        "is active in [state_machine] of each node, and restart the node; start those that do not answer",
    );
  });

  test("with both remedies when the first of them is silent and the next has another version", () => {
    expect(refusal({ others: new Map([[n3, [v1]]]) })).toMatch(
      /: n2 does not answer, n3 has kv 1 .* restart the node; start those that do not answer$/,
    );
  });

  test("while a voter that is about to leave does not have it", () => {
    expect(refusal({ outgoing: [n4] })).toContain("n4 does not answer");
    expect(refusal({ outgoing: [n4], others: new Map([...all, [n4, both]]) })).toBeNull();
  });

  test("when a voter has other code under the same number", () => {
    const others = new Map([...all, [n3, [v1, plugin("2", "cd")]]]);
    expect(refusal({ others })).toContain("n3 has kv 1 (abababababab) and kv 2 (cdcdcdcdcdcd)");
  });

  test("when it has the number of the active one and other code, unless both do the same", () => {
    const changed = plugin("1", "cd");
    const setting = { versions: [changed], others: new Map([n2, n3].map((key) => [key, [changed]] as const)) };
    expect(refusal(setting)).toBe(
      "kv 1 (cdcdcdcdcdcd) calls itself as kv 1 (abababababab) does, which has been active, and its code is another one: give it a " +
        "version of its own, or say --force if both do the same with every command",
    );
    expect(refusal(setting, null, true)).toBeNull();
  });

  test("when it has the number of one that was active before, and other code", () => {
    const changed = plugin("1", "cd");
    const setting = {
      versions: [changed, v2],
      earlier: v1,
      active: v2,
      others: new Map([n2, n3].map((key) => [key, [changed, v2]] as const)),
    };
    expect(refusal(setting, "1")).toContain(
      "kv 1 (cdcdcdcdcdcd) calls itself as kv 1 (abababababab) does, which has been active",
    );
    expect(refusal(setting, "1", true)).toBeNull();
  });

  test("but not for other code that it stands for already, and then there is nothing to force", () => {
    const changed = plugin("1", "cd");
    const versions = [changed, v2];
    const later = [{ plugin: changed, replaces: true }, { plugin: v2 }];
    const setting = { versions, later, others: new Map([n2, n3].map((key) => [key, versions] as const)) };
    expect(refusal(setting, "1")).toBeNull();
    expect(refusal(setting, "1", true)).toContain(
      "kv 1 (cdcdcdcdcdcd) is none, or stands for it already: leave it out",
    );
    const back = [...later, { plugin: v1, replaces: true }, { plugin: v2 }];
    expect(refusal({ ...setting, later: back }, "1")).toContain("say --force if both do the same");
  });

  test("when it became active under a number of other code, and nobody said that it stands for that", () => {
    const changed = plugin("1", "cd");
    const versions = [changed, v2];
    const setting = { versions, others: new Map([n2, n3].map((key) => [key, versions] as const)) };
    expect(refusal({ ...setting, later: [{ plugin: changed }, { plugin: v2 }] }, "1")).toContain("say --force");
  });

  test("when it is to stand for others, and none had its number", () => {
    expect(refusal({}, "2", true)).toBe(
      "--force is for other code of a version that has been active; kv 2 (abababababab) is none, or stands for it already: leave it out",
    );
  });

  test("when the active one cannot hand its state over", () => {
    const versions = [plugin("1", "ab", false), v2];
    expect(refusal({ versions })).toContain("kv 1 (abababababab) has no snapshot and restore, so it cannot hand");
  });

  test("when it cannot take a state over", () => {
    const versions = [v1, plugin("2", "ab", false)];
    expect(refusal({ versions })).toBe(
      "kv 2 (abababababab) has no snapshot and restore, so it cannot take a state over: add both to it",
    );
  });

  test("but not because of an active one that the leader does not have, and has not begun to apply with", () => {
    expect(refusal({ versions: [v2] })).toBeNull();
  });

  test("but not when other code takes the same number: nothing is handed over", () => {
    const changed = plugin("1", "cd", false);
    const others = new Map([n2, n3].map((key) => [key, [changed]] as const));
    expect(refusal({ versions: [changed], others }, null, true)).toBeNull();
  });

  test("while the state machine stands still at an entry before, unless it is other code of a number", () => {
    const standstill = new Error("entry 7 (term 1): Error: boom");
    expect(refusal({ standstill })).toContain("the state machine has stopped: entry 7 (term 1): Error: boom");
    expect(refusal({ standstill })).toContain("correct the code that fails, keep its number");
    const changed = plugin("1", "cd");
    const others = new Map([n2, n3].map((key) => [key, [changed]] as const));
    expect(refusal({ standstill, versions: [changed], others }, null, true)).toBeNull();
  });

  test("with what a state machine that waits for a version needs, and nothing else", () => {
    const standstill = new VersionLacking("state-machine", "name kv 0 too");
    expect(refusal({ standstill })).toBe(
      "the state machine waits: name kv 0 too; nothing that becomes active behind that is reached",
    );
  });

  test("but not for the very same code under its number, also when it is active no more", () => {
    expect(refusal({ versions: both, earlier: v2, active: v1 })).toBeNull();
    expect(refusal({ versions: both, earlier: v2, active: v1 }, null, true)).toContain(
      "kv 2 (abababababab) is none, or stands for it already",
    );
  });

  test("for all of these reasons at once", () => {
    const found = refusal({ versions: [v1, plugin("2", "ab", false)], others: new Map() });
    expect(found).toContain("not every voter has");
    expect(found).toContain("; kv 2 (abababababab) has no snapshot");
  });
});
