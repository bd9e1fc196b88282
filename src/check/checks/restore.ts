// A node that was away restores a snapshot where commands have been applied before.
import { remedies } from "../remedies.ts";
import { type Check, compared } from "./check.ts";

export const restore: Check = {
  name: "restore",
  holds: "a snapshot that is restored after other commands replaces all of the state",
  needs: "snapshots",
  share: 1,
  open: compared(["fresh", "used"], {
    rule: "a restore after other commands comes to something else",
    ways: ["without a restore", "restored after other commands"],
    remedy: remedies.restoreOf,
  }),
};
