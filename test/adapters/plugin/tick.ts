// A tick as a state machine is given it.
import type { AppliedEntry } from "../../../src/ports/state-machine.ts";

export const tick = (index: number, timeMs: number): AppliedEntry => ({
  kind: "tick",
  index,
  term: 1,
  timeMs,
  isAwaited: false,
});
