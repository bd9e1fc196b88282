// Goes through its names in an order that another process does not have.
import { defineStateMachine, v } from "graft";

const order = (name: string): number => Bun.hash.xxHash32(name, process.pid);

export default defineStateMachine({
  name: "replica-order",
  version: "1.0.0",
  create: () => ({ names: [] as string[] }),
  snapshot: (state) => [state],
  restore: (state, item) => void Object.assign(state, item),
  commands: {
    join: {
      input: v.object({ name: v.picklist(["ann", "bob", "cid", "dan", "eve", "flo", "gil", "hal"]) }),
      apply(state, { name }) {
        if (!state.names.includes(name)) state.names.push(name);
        return [...state.names].sort((one, other) => order(one) - order(other));
      },
    },
  },
  queries: {},
});
