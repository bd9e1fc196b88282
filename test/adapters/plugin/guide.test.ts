// The examples of the pages for authors of plugins load, compile and answer as the pages say.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeValue, encodeValue } from "../../../src/adapters/cbor/value.ts";
import { createInlineStateMachine } from "../../../src/adapters/plugin/inline-host.ts";
import { locatePlugin } from "../../../src/adapters/plugin/loader.ts";
import type { AppliedCommand, Outcome, StateMachine } from "../../../src/ports/state-machine.ts";
import { chunksOf, readAll } from "../../contracts/journal-plugin.ts";
import { answerTo, outcomesOf } from "../../contracts/outcomes-of.ts";
import { blocksOf, changedBy, fileNameOf, shownFiles } from "../../plugin-pages.ts";

const root = join(import.meta.dir, "../../..");
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "graft-guide-"));
  await Promise.all(shownFiles.map((block) => Bun.write(join(folder, fileNameOf(block)), block.text)));
});
afterAll(() => rm(folder, { recursive: true }));

const commandOf = (payload: Uint8Array): AppliedCommand => ({
  kind: "command",
  index: 1,
  term: 1,
  timeMs: 0,
  payload,
  session: null,
  isAwaited: true,
});

const applyOne = async (plugin: string, payload: Uint8Array): Promise<Outcome | undefined> => {
  const machine = await createInlineStateMachine([locatePlugin(plugin, folder)]);
  const [outcome] = await outcomesOf(machine, [commandOf(payload)]);
  return outcome;
};

test("stock.ts", async () => {
  const outcome = await applyOne("stock.ts", encodeValue(["add", { item: "apple" }]));
  expect(outcome?.kind === "ok" && decodeValue(outcome.payload)).toEqual({ total: 1 });
  const refused = await applyOne("stock.ts", encodeValue(["add", { item: "apple", count: -1 }]));
  expect(refused).toEqual({ kind: "rejected", message: "only 0 of apple left" });
});

test("scores.ts", async () => {
  const machine = await createInlineStateMachine([locatePlugin("scores.ts", folder)]);
  const points = async (of: StateMachine, player: string): Promise<unknown> => {
    const outcome = await answerTo(of, encodeValue(["points", { player }]));
    return outcome.kind === "ok" && decodeValue(outcome.payload);
  };
  const win = (player: string) => outcomesOf(machine, [commandOf(encodeValue(["win", { player }]))]);
  for (const player of ["ann", "bob", "ann"]) await win(player);
  const snapshot = await machine.snapshot();
  await win("bob");
  const restored = await createInlineStateMachine([locatePlugin("scores.ts", folder)]);
  await restored.restore(chunksOf(await readAll(snapshot)), null);
  expect([await points(restored, "ann"), await points(restored, "bob")]).toEqual([2, 1]);
  const [outcome] = await outcomesOf(restored, [commandOf(encodeValue(["win", { player: "eve" }]))]);
  expect(outcome?.kind === "ok" && decodeValue(outcome.payload)).toEqual({ games: 4 });
});

test("stock-2.ts takes over what stock.ts has written", async () => {
  const old = await createInlineStateMachine([locatePlugin("stock.ts", folder)]);
  await outcomesOf(old, [commandOf(encodeValue(["add", { item: "apple", count: 3 }]))]);
  const snapshot = chunksOf(await readAll(await old.snapshot()));
  const both = ["stock.ts", "stock-2.ts"].map((name) => locatePlugin(name, folder));
  const machine = await createInlineStateMachine(both);
  const [before, plugin] = machine.versions;
  await machine.restore(snapshot, before!);
  await outcomesOf(machine, [{ kind: "activate", index: 2, term: 1, timeMs: 0, plugin: plugin!, isAwaited: false }]);
  const place = await answerTo(machine, encodeValue(["place", { item: "apple" }]));
  expect(place.kind === "ok" && decodeValue(place.payload)).toBe("unknown");
});

test("counter.ts", async () => {
  const outcome = await applyOne("counter.ts", Buffer.from("5"));
  expect(outcome?.kind === "ok" && Buffer.from(outcome.payload).toString()).toBe("5");
});

test("each block has a file of its own", () => {
  const names = shownFiles.map(fileNameOf);
  expect(names.length).toBeGreaterThan(7);
  expect(new Set(names).size).toBe(names.length);
});

test("they compile, those that the tutorial changes as well", async () => {
  let booking = await Bun.file(join(folder, "booking.ts")).text();
  for (const block of blocksOf("plugins").filter(({ language }) => language === "diff")) {
    expect(fileNameOf(block)).toBe("booking.ts");
    booking = changedBy(block, booking);
  }
  expect(booking).toContain('version: "2.0.0"');
  await Bun.write(join(folder, "booking-2.ts"), booking);
  const options = {
    extends: join(root, "tsconfig.json"),
    compilerOptions: {
      typeRoots: [join(root, "node_modules/@types")],
      paths: { graft: [join(root, "src/adapters/plugin/api.ts")] },
    },
    include: ["*.ts"],
  };
  await Bun.write(join(folder, "tsconfig.json"), JSON.stringify(options));
  const { stdout, stderr, exitCode } = Bun.spawnSync([process.execPath, "check", "--no-script"], { cwd: folder });
  expect(exitCode, stdout.toString() + stderr.toString()).toBe(0);
});
