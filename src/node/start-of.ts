// What does the core need to begin, beside what the log store holds?
import { toMemberKey } from "../core/configuration.ts";
import { seedFrom } from "../core/random.ts";
import type { Start } from "../core/restore.ts";
import type { Clock } from "../ports/clock.ts";
import type { SavedState } from "../ports/log-store.ts";
import type { NodeOptions } from "./node-options.ts";

export const startOf = (
  { incarnation }: SavedState,
  { id, settings, bootstrap }: Pick<NodeOptions, "id" | "settings" | "bootstrap">,
  clock: Clock,
): Start => ({
  self: toMemberKey(id, incarnation),
  settings,
  seed: seedFrom(clock.randomBytes(16)),
  nowMs: clock.nowMs(),
  wallMs: clock.wallMs(),
  bootstrap,
});
