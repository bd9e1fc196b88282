// A process is killed at any moment, and finds the files of its state as they were then.
import { remedies } from "../remedies.ts";
import { type Check, compared } from "./check.ts";

export const crash: Check = {
  name: "crash",
  holds: "a state on disk that is killed before or after a commit, or in a restore, goes on as it was committed",
  needs: "state on disk",
  share: 0.3,
  open: compared(["fresh", "crash"], {
    rule: "a state on disk is another one after a crash",
    ways: ["without a crash", "killed before and after each commit"],
    remedy: remedies.commitOf,
  }),
};
