// What does the core need to begin, beside what the log store holds?
import { codeOf } from "../core/activation.ts";
import { toMemberKey } from "../core/configuration.ts";
import { seedFrom } from "../core/random.ts";
import type { Start } from "../core/restore.ts";
import type { Clock } from "../ports/clock.ts";
import type { SavedState } from "../ports/log-store.ts";
import type { StateMachine } from "../ports/state-machine.ts";
import type { NodeOptions } from "./node-options.ts";

export const startOf = (
  { incarnation }: SavedState,
  { id, settings, bootstrap }: Pick<NodeOptions, "id" | "settings" | "bootstrap">,
  clock: Clock,
  { versions }: Pick<StateMachine, "versions">,
): Start => ({
  self: toMemberKey(id, incarnation),
  settings,
  seed: seedFrom(clock.randomBytes(16)),
  nowMs: clock.nowMs(),
  wallMs: clock.wallMs(),
  bootstrap,
  plugin: versions.length === 0 ? null : codeOf(versions.at(-1)!),
});
