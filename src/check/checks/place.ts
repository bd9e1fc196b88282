// Another process has another environment, working folder, time zone, locale, process id and arguments, and loads modules in another order.
import { remedies } from "../remedies.ts";
import { ReplicaProcess } from "../replica-process.ts";
import { type Check, differenceIn } from "./check.ts";

const pair = {
  rule: "the same commands come to something else in another process",
  ways: ["in this process", "in another process"],
  remedy: remedies.place,
} as const;

export const place: Check = {
  name: "place",
  holds: "commands come to the same in a process with another environment, time zone and order of modules",
  needs: null,
  share: 0.5,
  open: ({ player, location, program }) => {
    const replica = new ReplicaProcess({ program, location, isElsewhere: true });
    return {
      play: async (steps) =>
        differenceIn(await player.play("straight", steps), await replica.play("inline", steps), pair),
      close: () => replica.close(),
    };
  },
};
