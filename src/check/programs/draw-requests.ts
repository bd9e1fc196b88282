// Which commands and queries is a program tried out with? Those that it gives as examples in its first message. Now and then, and where it
// gives none, any value: a client may send that.
import type { Draw } from "../../adapters/plugin/api.ts";
import type { CborValue } from "../../adapters/cbor/value.ts";
import type { Hello } from "../../adapters/process/answers.ts";
import { encodeOperation } from "../../client/typed-payload.ts";
import type { OperationKind } from "../../sim/draw-input.ts";

/** How many inputs of an operation with examples are none of them. */
const anyShare = 0.15;
const depthMax = 2;

export class RequestDrawing {
  readonly #program: Hello;

  constructor(program: Hello) {
    this.#program = program;
  }

  /** Null: the program has none of this kind. */
  payload(kind: OperationKind, draw: Draw): Uint8Array | null {
    return this.#program.style === "raw" ? this.#bytes(kind, draw) : this.#operation(kind, draw);
  }

  #bytes(kind: OperationKind, draw: Draw): Uint8Array {
    const examples = this.#program.examples.flatMap((each) =>
      each.kind === kind && "payload" in each ? [each.payload] : [],
    );
    return isAny(examples, draw) ? draw.bytes(draw.integer(0, 8)) : draw.pick(examples);
  }

  #operation(kind: OperationKind, draw: Draw): Uint8Array | null {
    const names = kind === "command" ? this.#program.commands : this.#program.queries;
    if (names.length === 0) return null;
    const name = draw.pick(names);
    const examples = this.#program.examples.flatMap((each) =>
      each.kind === kind && "operation" in each && each.operation === name ? [each.input] : [],
    );
    return encodeOperation(name, isAny(examples, draw) ? anyValue(draw, depthMax) : draw.pick(examples));
  }
}

const isAny = (examples: readonly unknown[], draw: Draw): boolean => examples.length === 0 || draw.happens(anyShare);

/** What JSON carries, too. */
function anyValue(draw: Draw, depth: number): CborValue {
  const text = (): string => draw.pick(["", "a", "b", "key", "value", "ü"]);
  const simple = [
    (): CborValue => null,
    (): CborValue => draw.integer(-5, 100),
    text,
    (): CborValue => draw.happens(0.5),
  ];
  const nested = [
    ...simple,
    (): CborValue => Array.from({ length: draw.integer(0, 2) }, () => anyValue(draw, depth - 1)),
    (): CborValue => ({ [text()]: anyValue(draw, depth - 1) }),
  ];
  return draw.pick(depth === 0 ? simple : nested)();
}
