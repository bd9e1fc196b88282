// A program under the contract of every state machine: one that serves the plugins of the contract.
import { afterAll } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nameOf, type PluginLocation } from "../../src/adapters/plugin/loader.ts";
import { createProcessStateMachine } from "../../src/adapters/process/process-host.ts";
import type { StateMachine } from "../../src/ports/state-machine.ts";
import { describeStateMachineContract } from "./state-machine-contract.ts";
import { describeMilestonesContract } from "./state-machine-milestones-contract.ts";
import { describeRenewalContract } from "./state-machine-renewal-contract.ts";
import { describeSessionContract } from "./state-machine-session-contract.ts";
import { describeSnapshotContract } from "./state-machine-snapshot-contract.ts";

const folder = await mkdtemp(join(tmpdir(), "graft-serving-"));
// As one file it starts sooner, and there are many starts.
const entry = join(import.meta.dir, "../adapters/process/serve-plugin.ts");
const built = await Bun.build({ entrypoints: [entry], target: "bun", outdir: folder });
const server = built.outputs[0]!.path;

afterAll(() => rm(folder, { recursive: true }));

const serving =
  (...flags: readonly string[]) =>
  (location: PluginLocation): Promise<StateMachine> =>
    createProcessStateMachine({ command: [process.execPath, server, nameOf(location), ...flags], directory: "/" });

describeStateMachineContract("program", serving());
describeSnapshotContract("program", serving());
describeMilestonesContract("program", serving());
describeSessionContract("program", serving());
describeRenewalContract("program", serving());
describeSessionContract("program that speaks JSON", serving("--json"));
describeMilestonesContract("program that speaks JSON", serving("--json"));
