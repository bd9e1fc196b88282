// Each kind of entry against what the state machine gets of it.
import { expect, test } from "bun:test";
import type { PluginVersion } from "../../src/core/activation.ts";
import type { Entry } from "../../src/core/entry.ts";
import { appliedEntry } from "../../src/node/applied-entry.ts";
import type { AppliedEntry } from "../../src/ports/state-machine.ts";
import { snapshotAt } from "../core/say.ts";
import { bytes } from "./recording-machine.ts";

const placed = { index: 7, term: 3, stampMs: 50 };
const applied = { index: 7, term: 3, timeMs: 50 };
const payload = bytes("set");
const version = (name: string): PluginVersion => ({ name: "p", version: name, hash: "0".repeat(64) });
const runs = (index: number): PluginVersion => version(`from ${index}`);
const session = { id: 4, sequence: 2, answeredBelow: 1, client: "a" };
const { configuration } = snapshotAt({ index: 7, term: 3 }).configuration;

const cases: readonly (readonly [Entry, (isAwaited: boolean) => AppliedEntry | null])[] = [
  [
    { ...placed, kind: "command", payload, session },
    (isAwaited) => ({ ...applied, kind: "command", payload, session, isAwaited }),
  ],
  [
    { ...placed, kind: "command", payload, session: null },
    (isAwaited) => ({ ...applied, kind: "command", payload, session: null, isAwaited }),
  ],
  [
    { ...placed, kind: "openSession", client: "a", isAdmin: true, timeoutMs: 9 },
    (isAwaited) => ({ ...applied, kind: "openSession", client: "a", isAdmin: true, timeoutMs: 9, isAwaited }),
  ],
  [
    { ...placed, kind: "openSession", client: "b", isAdmin: false, timeoutMs: 8 },
    (isAwaited) => ({ ...applied, kind: "openSession", client: "b", isAdmin: false, timeoutMs: 8, isAwaited }),
  ],
  [
    { ...placed, kind: "closeSession", client: "a", session: 4 },
    (isAwaited) => ({ ...applied, kind: "closeSession", client: "a", session: 4, isAwaited }),
  ],
  // What runs from there on may be another version than the entry names.
  [
    { ...placed, kind: "activate", plugin: version("2"), replaces: true },
    (isAwaited) => ({ ...applied, kind: "activate", plugin: version(`from ${placed.index}`), isAwaited }),
  ],
  [{ ...placed, kind: "noop" }, () => null],
  [{ ...placed, kind: "configuration", configuration }, () => null],
];

test("each field of an entry of a client is in what is applied, and entries of the consensus are left out", () => {
  for (const [entry, expected] of cases) {
    for (const isAwaited of [false, true]) {
      const applied = expected(isAwaited);
      expect(appliedEntry(entry, { isAwaited, isSkipped: false, versionFrom: runs })).toEqual(applied);
      const skipped = applied && { ...applied, isSkipped: true };
      expect(appliedEntry(entry, { isAwaited, isSkipped: true, versionFrom: runs })).toEqual(skipped);
    }
  }
});
