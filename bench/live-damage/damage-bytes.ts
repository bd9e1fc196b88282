// How does a file rot? One flipped bit, a zeroed page, a page that was written to another one's place, a lost end.
import { readFileSync, writeFileSync } from "node:fs";
import { type Draw, drawFrom } from "../../test/adapters/sqlite/random-writes.ts";

export type { Draw };
export { drawFrom };

const pageBytes = 4096;

/** Changes `bytes` in place where it can. */
export function damageBytes(bytes: Buffer, draw: Draw): { readonly what: string; readonly changed: Buffer } {
  const page = (): number => draw(Math.max(1, Math.floor(bytes.length / pageBytes))) * pageBytes;
  switch (draw(4)) {
    case 0:
      return flipBit(bytes, { from: 0, to: bytes.length }, draw);
    case 1: {
      const at = page();
      return { what: `a page zeroed at ${at}`, changed: bytes.fill(0, at, at + pageBytes) };
    }
    case 2: {
      const [to, from] = [page(), page()];
      bytes.copy(bytes, to, from, from + pageBytes);
      return { what: `a page copied from ${from} to ${to}`, changed: bytes };
    }
    default: {
      const end = draw(bytes.length);
      return { what: `truncated to ${end}`, changed: bytes.subarray(0, end) };
    }
  }
}

/** Somewhere from `from` on and before `to`. */
export function flipBit(bytes: Buffer, { from, to }: { readonly from: number; readonly to: number }, draw: Draw) {
  const at = from + draw(to - from);
  bytes[at] = bytes[at]! ^ (1 << draw(8));
  return { what: `a bit flipped at ${at}`, changed: bytes };
}

/** Returns what was done, in words. */
export function damageFile(path: string, draw: Draw): string {
  const bytes = readFileSync(path);
  const { length } = bytes;
  if (length === 0) return `${path} is empty`;
  const { what, changed } = damageBytes(bytes, draw);
  writeFileSync(path, changed);
  return `${what} of ${length} bytes`;
}

export function shuffled<T>(items: readonly T[], draw: Draw): readonly T[] {
  const left = [...items];
  return items.map(() => left.splice(draw(left.length), 1)[0]!);
}

export const oneOf = <T>(items: readonly T[], draw: Draw): T => items[draw(items.length)]!;
