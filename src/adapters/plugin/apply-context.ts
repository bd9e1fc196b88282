// What a command is given besides the state and its input. Nothing here comes from this machine: the generator is seeded
// from the command's place in the log, so that every node and every replay draws the same numbers.
import type { AppliedCommand } from "../../ports/state-machine.ts";
import type { ApplyContext } from "./api.ts";

const TWO_TO_32 = 2 ** 32;
const TWO_TO_53 = 2 ** 53;
const WARM_UP_ROUNDS = 15;

/** `random()` costs nothing until it is called: most commands never do. */
export class CommandContext implements ApplyContext {
  readonly index: number;
  readonly term: number;
  readonly timeMs: number;
  #generator: (() => number) | null = null;

  constructor(command: AppliedCommand) {
    this.index = command.index;
    this.term = command.term;
    this.timeMs = command.timeMs;
  }

  random(): number {
    this.#generator ??= seededGenerator(this.index, this.term);
    const high = this.#generator() >>> 5;
    const low = this.#generator() >>> 6;
    return (high * 2 ** 26 + low) / TWO_TO_53;
  }
}

/** sfc32 (Doty-Humphrey): 32 random bits a call, from 128 bits of state. Changing it changes every plugin's states. */
function seededGenerator(index: number, term: number): () => number {
  let a = index >>> 0;
  let b = Math.floor(index / TWO_TO_32) >>> 0;
  let c = term >>> 0;
  let counter = Math.floor(term / TWO_TO_32) + 1;
  const next = (): number => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return sum >>> 0;
  };
  for (let round = 0; round < WARM_UP_ROUNDS; round++) next();
  return next;
}
