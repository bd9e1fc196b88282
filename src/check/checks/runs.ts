// Each function of the plugin does what it is there for: nothing fails, nothing waits, and nothing takes for ever.
import { type Check, single } from "./check.ts";

export const runs: Check = {
  name: "runs",
  holds: "every command is applied or rejected, every query is answered, and every function returns",
  needs: null,
  share: 1,
  open: single("straight"),
};
