// A node runs a plugin inline, on its main thread, or in a thread of its own. Both in one process, so that nothing else differs.
import { remedies } from "../remedies.ts";
import { ReplicaProcess } from "../replica-process.ts";
import { withoutUntold } from "../transcript.ts";
import { type Check, differenceIn } from "./check.ts";

const pair = {
  rule: "the same commands come to something else on another thread",
  ways: ["inline", "in a thread of its own"],
  remedy: remedies.place,
} as const;

export const hosts: Check = {
  name: "hosts",
  holds: "commands come to the same inline and in a thread of their own",
  needs: null,
  share: 0.1,
  open: ({ player, location, program }) => {
    const replica = new ReplicaProcess({ program, location, isElsewhere: false });
    return {
      play: async (steps) => {
        const inline = withoutUntold(await replica.play("inline", steps), await player.play("straight", steps));
        return differenceIn(inline, await replica.play("thread", steps), pair);
      },
      close: () => replica.close(),
    };
  },
};
