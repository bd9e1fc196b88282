// Answers with a Map, which has no place in a result.
import { defineStateMachine, v } from "graft";

export default defineStateMachine({
  name: "unsendable",
  version: "1.0.0",
  create: () => new Map<string, number>(),
  commands: {
    count: {
      input: v.object({ word: v.string() }),
      apply(words, { word }) {
        words.set(word, (words.get(word) ?? 0) + 1);
        return words;
      },
    },
  },
  queries: {},
});
