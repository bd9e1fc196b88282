// Nothing but a command that is applied changes the state.
import { type Check, single } from "./check.ts";

export const reads: Check = {
  name: "reads",
  holds: "a query, a rejected command and a snapshot change nothing, and no command changes a snapshot",
  needs: null,
  share: 1,
  open: single("watchful"),
};
