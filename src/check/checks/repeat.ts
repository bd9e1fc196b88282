// The same commands twice: in a module that was just loaded, and in one that has run before.
import { remedies } from "../remedies.ts";
import { type Check, compared } from "./check.ts";

export const repeat: Check = {
  name: "repeat",
  holds: "the same commands come to the same a second time",
  needs: null,
  share: 1,
  open: compared(["fresh", "straight"], {
    rule: "the same commands come to something else a second time",
    ways: ["in a new module", "in a module that has run before"],
    remedy: remedies.outside,
  }),
};
