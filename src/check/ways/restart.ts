// After every command a snapshot is restored in a new state machine of a new module, as on a node that starts again, and the steps go on there.
import type { Way } from "./way.ts";

export const restart: Way = ({ fresh }, steps) => {
  let machine = fresh();
  const moments = [machine.beginning];
  for (const [nth, step] of steps.entries()) {
    const outcome = machine.run(step, nth);
    if (step.kind === "command") {
      const next = fresh();
      next.restore(machine.snapshot(nth), nth);
      machine = next;
    }
    moments.push(machine.moment(step, outcome, { nth, of: steps.length }));
  }
  return moments;
};
