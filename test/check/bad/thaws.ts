// The items of a snapshot are the objects of the state, and a command changes them.
import { defineStateMachine, v } from "graft";

export default defineStateMachine({
  name: "thaws",
  version: "1.0.0",
  create: () => ({ scores: [] as { points: number }[] }),
  snapshot: ({ scores }) => {
    const frozen = [...scores];
    return (function* () {
      yield* frozen;
    })();
  },
  restore: ({ scores }, item) => void scores.push(item),
  commands: {
    join: { input: v.object({}), apply: ({ scores }) => scores.push({ points: 0 }) },
    win: {
      input: v.object({}),
      apply({ scores }) {
        for (const score of scores) score.points++;
      },
    },
  },
  queries: {},
});
