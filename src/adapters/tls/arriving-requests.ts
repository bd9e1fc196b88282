// How much memory do incomplete requests take? A client may open many connections, and leave a large request unfinished on each. So
// one bound holds for all clients together. Beyond it the client name with the most bytes loses the request that began last.

/** The part of a link that is used here. */
interface Source {
  /** Memory of the incomplete request, bytes. */
  readonly arrivingBytes: number;
}

interface Arriving {
  readonly name: string;
  bytes: number;
}

export class ArrivingRequests<Of extends Source> {
  readonly #bytesMax: number;
  readonly #giveUp: (of: Of, name: string) => void;
  /** In the order in which the requests began. */
  readonly #arriving = new Map<Of, Arriving>();
  #bytes = 0;

  constructor(bytesMax: number, giveUp: (of: Of, name: string) => void) {
    this.#bytesMax = bytesMax;
    this.#giveUp = giveUp;
  }

  /** Some of a request of the client `name` has come. */
  onPart(from: Of, name: string): void {
    const arriving = this.#arriving.get(from) ?? { name, bytes: 0 };
    this.#arriving.set(from, arriving);
    this.#bytes += from.arrivingBytes - arriving.bytes;
    arriving.bytes = from.arrivingBytes;
    while (this.#bytes > this.#bytesMax) this.#giveUpOne();
  }

  /** Its request is complete, or it is gone. */
  remove(from: Of): void {
    this.#bytes -= this.#arriving.get(from)?.bytes ?? 0;
    this.#arriving.delete(from);
  }

  #giveUpOne(): void {
    const byName = new Map<string, number>();
    for (const { name, bytes } of this.#arriving.values()) byName.set(name, (byName.get(name) ?? 0) + bytes);
    const [most] = [...byName].reduce((one, other) => (other[1] > one[1] ? other : one));
    const [last] = [...this.#arriving].findLast(([, { name }]) => name === most)!;
    this.remove(last);
    this.#giveUp(last, most);
  }
}
