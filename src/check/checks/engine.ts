// The engine compiles code that runs often, and a plugin may keep something for later calls.
import { remedies } from "../remedies.ts";
import { type Check, compared } from "./check.ts";

export const engine: Check = {
  name: "engine",
  holds: "commands come to the same in code that has run once and in code that has run often",
  needs: null,
  share: 0.1,
  open: compared(["fresh", "warm"], {
    rule: "commands come to something else when they have run often",
    ways: ["with a cold engine", "with a warm engine"],
    remedy: remedies.outside,
  }),
};
