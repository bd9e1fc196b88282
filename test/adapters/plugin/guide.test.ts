// The examples of docs/plugins.md are plugins that load, compile and answer as the page says.
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

const root = join(import.meta.dir, "../../..");
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "graft-guide-"));
  const guide = await Bun.file(join(root, "docs/plugins.md")).text();
  const examples = [...guide.matchAll(/```ts\n\/\/ (\S+)\n([^]*?)```/g)];
  await Promise.all(examples.map(([, name = "", code = ""]) => Bun.write(join(folder, name), code)));
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

test("counter.ts", async () => {
  const outcome = await applyOne("counter.ts", Buffer.from("5"));
  expect(outcome?.kind === "ok" && Buffer.from(outcome.payload).toString()).toBe("5");
});

test("they compile", async () => {
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
