// How much do clients have under way at this node, and whose is it? Open is what waits here, and what is in the log and not applied
// yet: without a bound a leader whose followers are slow would fill memory and disk. A client name may have as much open as it
// leaves for the others. So one name alone gets half, and however many take what they can get, one that comes anew finds some.

const countMax = 65_536;
const bytesMax = 256 * 1024 * 1024;

/** A request that has been taken. */
export interface OpenRequest {
  readonly bytes: number;
  /** It is seen through. To call it again does nothing. */
  close(): void;
}

interface Amount {
  count: number;
  bytes: number;
}

export class OpenRequests {
  readonly #names = new Map<string, Amount>();
  readonly #all: Amount = { count: 0, bytes: 0 };

  get count(): number {
    return this.#all.count;
  }

  /** Of payload. */
  get bytes(): number {
    return this.#all.bytes;
  }

  /** Why no further request of this name is taken; null: it is. */
  objection(name: string, bytes: number): string | null {
    const own = this.#names.get(name) ?? { count: 0, bytes: 0 };
    const { count, bytes: allBytes } = this.#all;
    if (own.count < countMax - count && own.bytes + bytes <= bytesMax - allBytes) return null;
    return `${count} requests of ${allBytes} bytes are under way already, ${own.count} of ${own.bytes} bytes for "${name}"`;
  }

  /** To be called when `objection` had none. */
  open(name: string, bytes: number): OpenRequest {
    const own = this.#names.get(name) ?? { count: 0, bytes: 0 };
    this.#names.set(name, own);
    add(own, 1, bytes);
    add(this.#all, 1, bytes);
    let isOpen = true;
    const close = (): void => {
      if (!isOpen) return;
      isOpen = false;
      add(own, -1, -bytes);
      add(this.#all, -1, -bytes);
      if (own.count === 0) this.#names.delete(name);
    };
    return { bytes, close };
  }
}

function add(amount: Amount, count: number, bytes: number): void {
  amount.count += count;
  amount.bytes += bytes;
}
