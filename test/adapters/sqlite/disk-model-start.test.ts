// Does the model of the disk know what a start has done when it is interrupted? Few seeds of disk-model.test.ts reach a fault that follows
// an interrupted start. Here a start is interrupted at each of its steps, and then database and WAL are replaced by those of another moment.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DurableEffect } from "../../../src/core/effects.ts";
import { createMemoryLogStore } from "../../../src/sim/memory/log-store.ts";
import { createMemoryDisk, type MemoryDisk } from "../../../src/sim/memory/memory-disk.ts";
import { append, commands, found, ignoreDurable, vote } from "../../contracts/log-entries.ts";
import { type Image, PowerDisk } from "../../doubles/power-disk.ts";
import { copyOf, faults, type Past } from "./disk-model/faults.ts";
import { type Figures, Look, opening } from "./disk-model/look.ts";
import { drawFrom } from "./random-writes.ts";

const founding = [found(), vote(3, "n2"), append(...commands(1, 4, 3))];
const middle = [append(...commands(5, 8, 3))];
const latest = [append(...commands(9, 12, 3))];

const end = "the process ends";
const fault = "database and WAL go back";
const story = { history: [], begun: [], marks: [], isWithinWrite: false };

let folder: string;
let files: PowerDisk;
let figures: Figures;
let look: Look;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "graft-disk-start-"));
  files = new PowerDisk();
  figures = { writes: 0, starts: 0, passedOver: 0, outcomes: new Map() };
  look = new Look({ folder, files, draw: drawFrom(1), figures });
});
afterEach(() => {
  files.watch(null);
  files[Symbol.dispose]();
  rmSync(folder, { recursive: true });
});

/** SQLite and the model make these writes. Returns what is there after each of them. */
function pastsOf(...writes: readonly (readonly DurableEffect[])[]): readonly Past[] {
  const dataDir = look.put(new Map());
  files.watch(dataDir);
  const store = look.open(dataDir);
  const disk = createMemoryDisk(store.saved.incarnation);
  const model = createMemoryLogStore({ incarnation: "", disk, autoDurable: true });
  const pasts = writes.map((effects): Past => {
    for (const each of [store, model]) each.write(effects, ignoreDurable);
    return { image: files.now(), disk: copyOf(disk), history: [] };
  });
  files.aside(() => store.close());
  return pasts;
}

/**
 * A start from `image` is interrupted at each of its steps. Then database and WAL are replaced by those of `past`. Returns the outcomes of
 * the next starts. Throws when the model has no such outcome from `disk`.
 */
function afterInterruptedStarts(image: Image, disk: MemoryDisk, past: Past): readonly string[] {
  const dataDir = look.put(image);
  files.watch(dataDir);
  const moments: Image[] = [];
  files.onStep = () => void moments.push(files.now());
  const store = look.open(dataDir);
  files.onStep = () => {};
  files.aside(() => store.close());
  const disks = opening([disk])(end, []);
  for (const moment of moments) look.at({ ...story, isStart: true, end, image: moment, disks }, fault, past);
  return [...figures.outcomes.keys()].map((key) => key.slice(`${end}, ${fault}: `.length));
}

test("data that a start has found damaged is set aside though it is whole by then, and the model knows it", () => {
  const [early, whole] = pastsOf(founding, middle) as [Past, Past];
  const image = faults[fault]!.harm(whole.image, early, drawFrom(1));
  const disk = { ...early.disk, mark: whole.disk.mark };
  // Under the mark of a database that is being created, data counts as that of another node.
  const outcomes = ["starts", "to be refilled", "it does not start: its mark is gone"];
  expect(afterInterruptedStarts(image, disk, whole)).toEqual(outcomes);
});

test("data that lacks what a start has added to the mark is set aside, and the model knows it", () => {
  const [first, between, last] = pastsOf(founding, middle, latest) as [Past, Past, Past];
  // The process ended before it had moved the mark.
  const image: Image = new Map([...last.image, ["graft.mark", first.image.get("graft.mark")!]]);
  const disk = { ...last.disk, mark: first.disk.mark };
  expect(afterInterruptedStarts(image, disk, between)).toEqual(["starts", "to be refilled"]);
});
