// What an administrator decides about a finding, and what the next start makes of it.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { decideFinding, lookAtFinding } from "../../../src/adapters/sqlite/decide-finding.ts";
import { toMemberKey } from "../../../src/core/configuration.ts";
import { GraftError } from "../../../src/errors.ts";
import { append, commands, found, ignoreDurable, keyOf, vote } from "../../contracts/log-entries.ts";
import { createDataDirectory, damageError, type DataDirectory, storageError } from "./data-directory.ts";
import { genesisOf } from "./lost-cluster.ts";

let directory: DataDirectory;
beforeEach(() => {
  directory = createDataDirectory();
});
afterEach(() => directory.remove());

const finding = { kind: "diverged", text: "two histories at 7", at: "2026-01-01T00:00:00.000Z", index: 7 } as const;

/** A node that has stopped on what it found. */
function stopped(by: "finding" | "damage", voters: readonly string[] = ["n2", "n3"]): void {
  const store = directory.open();
  const self = toMemberKey("n1", store.saved.incarnation);
  const effects = [found(genesisOf(self, ...voters.map(keyOf))), vote(3, "n2"), append(...commands(1, 9, 2))];
  store.write(effects, ignoreDurable);
  if (by === "finding") store.keepFinding(finding);
  else store.keepDamage("what a read has found");
  store.close();
}

function rejection(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof GraftError && error.code === "rejected") return error.message;
    throw error;
  }
  throw new Error("a rejection was expected, and there was none");
}

test("P62: what was found is shown, with how far the node had got, and changes nothing", () => {
  stopped("finding");
  const before = readdirSync(directory.dataDir).map((name) => [name, readFileSync(join(directory.dataDir, name))]);
  expect(lookAtFinding(directory.dataDir)).toMatchObject({ finding, damage: null });
  expect(lookAtFinding(directory.dataDir).reached).toContain("entry 9 (term 2)");
  expect(damageError(directory.open)).toContain("two histories at 7");
  expect(readdirSync(directory.dataDir).map((name) => [name, readFileSync(join(directory.dataDir, name))])).toEqual(
    before,
  );
});

test("without a finding there is nothing to show, and nothing to decide", () => {
  directory.open().close();
  expect(lookAtFinding(directory.dataDir)).toMatchObject({ finding: null, damage: null });
  for (const decision of ["refill", "dismiss"] as const) {
    expect(rejection(() => decideFinding(directory.dataDir, decision))).toContain("no finding");
  }
});

test.each(["", "null", "{}", "7", '{"kind":"invariant","text":"x"}', '{"kind":"invariant","txxt":"x","at":"y"}'])(
  "P62: a finding that reads %j keeps the node from starting as well",
  (content) => {
    directory.open().close();
    writeFileSync(join(directory.dataDir, "graft.finding"), content);
    const message = damageError(directory.open);
    expect(message).toContain("graft.finding holds a finding that cannot be read");
    expect(message).not.toContain("undefined");
    decideFinding(directory.dataDir, "dismiss");
    directory.open().close();
  },
);

describe("to refill", () => {
  test("after a finding: the next start sets the data aside, and the finding stays to be read", () => {
    stopped("finding");
    expect(decideFinding(directory.dataDir, "refill")).toMatchObject({ finding });
    const store = directory.open();
    expect(store.saved).toMatchObject({ last: { index: 0 }, currentTerm: 3, votedFor: keyOf("n2") });
    expect(store.saved.refill?.finding).toContain("two histories at 7");
    store.close();
    const kept = readdirSync(directory.dataDir).filter((name) => name.startsWith("graft.finding.cleared"));
    expect(kept).toHaveLength(1);
    expect(JSON.parse(readFileSync(join(directory.dataDir, kept[0]!), "utf8"))).toEqual(finding);
  });

  test("the only voter cannot be refilled: nothing is changed", () => {
    stopped("finding", []);
    expect(damageError(() => decideFinding(directory.dataDir, "refill"))).toContain("only voter");
    expect(lookAtFinding(directory.dataDir)).toMatchObject({ finding, damage: null });
  });

  test("without the mark it cannot be refilled", () => {
    stopped("finding");
    rmSync(join(directory.dataDir, "graft.mark"));
    expect(damageError(() => decideFinding(directory.dataDir, "refill"))).toContain("graft.mark is missing");
  });
});

describe("to dismiss", () => {
  test.each(["finding", "damage"] as const)("a %s: the node goes on with its data", (by) => {
    stopped(by);
    decideFinding(directory.dataDir, "dismiss");
    const store = directory.open();
    expect(store.saved).toMatchObject({ last: { index: 9 }, refill: null });
    expect(store.read(1, 9, 1e9)).toEqual(commands(1, 9, 2));
    store.close();
  });

  test("the damage of an only voter, which a start refuses", () => {
    stopped("damage", []);
    const refusal = damageError(directory.open);
    expect(refusal).toContain("only voter");
    expect(refusal).toContain("if other nodes have joined since");
    decideFinding(directory.dataDir, "dismiss");
    const store = directory.open();
    expect(store.saved.last.index).toBe(9);
    store.close();
  });

  test("is too late when files have been moved", () => {
    stopped("damage");
    const { damage } = lookAtFinding(directory.dataDir);
    expect(damage).toContain("what a read has found");
    const folder = JSON.stringify(readFileSync(join(directory.dataDir, "graft.mark"), "latin1")).match(
      /damaged-[0-9TZ-]+/,
    )?.[0];
    mkdirSync(join(directory.dataDir, folder!));
    expect(rejection(() => decideFinding(directory.dataDir, "dismiss"))).toContain("start the node");
  });
});

test("a node that runs is not decided about", () => {
  const store = directory.open();
  store.keepFinding(finding);
  expect(storageError(() => decideFinding(directory.dataDir, "dismiss"))).toContain("Another process");
  store.close();
});
