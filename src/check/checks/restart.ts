// A node that starts again has a new module and a state from a snapshot.
import { remedies } from "../remedies.ts";
import { type Check, compared } from "./check.ts";

export const restart: Check = {
  name: "restart",
  holds: "a state that is restored in a new module after every command goes on as before",
  needs: "snapshots",
  share: 1,
  open: compared(["fresh", "restart"], {
    rule: "a snapshot and its restore lose something",
    ways: ["without a restart", "restored after every command"],
    remedy: remedies.snapshotOf,
  }),
};
