// Plays the steps when the engine has run the plugin's code so often that it has compiled it, and caches of the plugin are full.
import { playOn, type Way } from "./way.ts";

/** The engine compiles a function for the second time after about a thousand calls. */
const warmingSteps = 1500;

export const warm: Way = ({ shared }, steps) => {
  for (let done = 0; done < warmingSteps; done += Math.max(steps.length, 1)) {
    const machine = shared();
    for (const [nth, step] of steps.entries()) machine.run(step, nth);
  }
  return playOn(shared(), steps);
};
