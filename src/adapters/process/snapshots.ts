// How does the state of a program cross as a snapshot? In items that the program hands out and takes in, a message at a time. Around them stands
// what every snapshot of a state machine has: by whom it is, and the table of the clients' sessions.
import { GraftError } from "../../errors.ts";
import type { StateSnapshot } from "../../ports/state-machine.ts";
import { type CborValue, decodeValue, encodeValue } from "../cbor/value.ts";
import { ContentHash } from "../plugin/content-hash.ts";
import { SnapshotReader, SnapshotWriter } from "../plugin/snapshot-layout.ts";
import { sectionsOf, sinksOf, type State } from "../plugin/state-sections.ts";
import { doneOf, type Hello, itemsOf } from "./answers.ts";

/** In turn with everything else that is asked of the program. */
type Ask = <Answer>(request: CborValue, check: (message: CborValue) => Answer) => Promise<Answer>;

function pieceOf(item: CborValue, style: Hello["style"]): Uint8Array {
  if (style === "typed") return encodeValue(item);
  if (item instanceof Uint8Array) return item;
  throw new TypeError("an item of a program without operations is a string of bytes, and this one is not");
}

export interface TakenOptions {
  readonly ask: Ask;
  /** It is over: another one may be taken. */
  readonly over: () => void;
  /** The program cannot let go of it. */
  readonly failed: (error: Error) => void;
}

/** What the program has just frozen. */
export class ProgramSnapshot implements StateSnapshot {
  readonly #options: TakenOptions;
  readonly #style: Hello["style"];
  readonly #named: string;
  readonly #writer: SnapshotWriter;
  readonly #pieces: Uint8Array[] = [];
  readonly #hash = new ContentHash();
  #hasLast = false;
  #state: "open" | "atEnd" | "closed" = "open";

  constructor(hello: Hello, state: State, options: TakenOptions) {
    this.#options = options;
    this.#style = hello.style;
    this.#named = `The state machine ${hello.name} ${hello.version}`;
    const next = (): IteratorResult<Uint8Array | null, unknown> => {
      const piece = this.#pieces.shift();
      return piece === undefined && this.#hasLast ? { done: true, value: null } : { done: false, value: piece ?? null };
    };
    this.#writer = new SnapshotWriter(sectionsOf(hello, { take: () => ({ next }) }, state));
  }

  get contentHash(): number | null {
    return this.#hash.value;
  }

  async read(): Promise<Uint8Array | null> {
    if (this.#state === "atEnd") return null;
    if (this.#state === "closed") throw new GraftError("state-machine", "The snapshot is closed");
    try {
      for (;;) {
        const chunk = this.#writer.read();
        if (chunk !== null) return this.#hash.note(chunk);
        if (!this.#writer.isWaiting) break;
        const { items, isLast } = await this.#options.ask({ type: "read" }, itemsOf);
        this.#hasLast = isLast;
        this.#take(items);
      }
    } catch (error) {
      if (this.#state === "open") this.#end("closed");
      throw error;
    }
    this.#end("atEnd");
    return this.#hash.note(null);
  }

  /** Closes it, and throws, if one of them cannot stand in a snapshot. */
  #take(items: readonly CborValue[]): void {
    try {
      for (const item of items) this.#pieces.push(pieceOf(item, this.#style));
    } catch (error) {
      this.close();
      const reason = error instanceof Error ? error.message : String(error);
      throw new GraftError("state-machine", `${this.#named} failed at a snapshot: ${reason}`, { cause: error });
    }
  }

  close(): void {
    if (this.#state !== "open") return;
    const isHeld = !this.#hasLast;
    this.#end("closed");
    if (isHeld) this.#options.ask({ type: "close" }, doneOf).catch(this.#options.failed);
  }

  #end(state: "atEnd" | "closed"): void {
    this.#state = state;
    this.#options.over();
  }
}

/** Fills an empty state, and the program. Throws what is wrong with the chunks, and what the program makes of them. */
export async function restoreProgram(
  hello: Hello,
  state: State,
  { chunks, ask }: { readonly chunks: AsyncIterable<Uint8Array>; readonly ask: Ask },
): Promise<void> {
  let from: string | null = null;
  let items: CborValue[] = [];
  let hasBegun = false;
  const restore = (piece: Uint8Array, version: string | null): void => {
    from = version;
    items.push(hello.style === "typed" ? decodeValue(piece) : piece.slice());
  };
  const send = async (): Promise<void> => {
    if (!hasBegun) await ask({ type: "restore", from }, doneOf);
    hasBegun = true;
    if (items.length > 0) await ask({ type: "items", items }, doneOf);
    items = [];
  };
  const reader = new SnapshotReader(sinksOf(hello, { restore, settle: () => {} }, state));
  for await (const chunk of chunks) {
    reader.write(chunk);
    if (items.length > 0) await send();
  }
  reader.end();
  await send();
  await ask({ type: "restored" }, doneOf);
}
