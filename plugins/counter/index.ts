// A counter that speaks text: "add 5" changes it and answers with the new value, a query answers with the value.
import { defineRawStateMachine, Rejected } from "graft";

const read = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const write = (value: bigint) => new TextEncoder().encode(value.toString());

export default defineRawStateMachine({
  name: "counter",
  version: "1.0.0",
  example: {
    command: (draw) => new TextEncoder().encode(`add ${draw.integer(-3, 9)}`),
    query: () => new Uint8Array(),
  },
  create() {
    let value = 0n;
    return {
      apply(command) {
        const [, amount] = /^add (-?\d{1,18})$/.exec(read(command)) ?? [];
        if (amount === undefined) throw new Rejected('a counter understands "add 5" and "add -5"');
        value += BigInt(amount);
        return write(value);
      },
      query: () => write(value),
      snapshot: () => [write(value)],
      restore(piece) {
        value = BigInt(read(piece));
      },
    };
  },
});
