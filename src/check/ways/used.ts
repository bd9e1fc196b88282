// After every command a state machine that has applied commands before restores the snapshot of another node's: it was away for long. What
// it answers from then on is what counts.
import type { Way } from "./way.ts";

export const used: Way = ({ shared, fresh }, steps) => {
  const [sender, machine] = [fresh(), shared()];
  const moments = [machine.beginning];
  const empty = machine.snapshot(null);
  const commands = Array.from(steps.entries()).filter(([, { kind }]) => kind === "command");
  for (const [nth, step] of commands.reverse()) machine.run(step, nth);
  machine.restore(empty, null);
  for (const [nth, step] of steps.entries()) {
    sender.run(step, nth);
    const outcome = machine.run(step, nth);
    if (step.kind === "command") machine.restore(sender.snapshot(nth), nth);
    moments.push(machine.moment(step, outcome, { nth, of: steps.length }));
  }
  return moments;
};
