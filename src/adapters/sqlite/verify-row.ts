// Is the row of an entry what was written? Its columns are looked at first, since rot may also change what kind of value a column holds.
import { type Chain, nextChain } from "./chain.ts";
import { type EntryRow, rowLink } from "./entry-row.ts";
import { damagedEntry } from "./storage-errors.ts";

/** @param before the checksum of the entry before it. Throws `GraftError("damaged")` where the row is another one. */
export function verifyRow(file: string, before: Chain, row: EntryRow): void {
  const fault = faultOfColumns(row);
  if (fault !== null) throw damagedEntry(file, row.idx, fault);
  const found = nextChain(before, rowLink(row));
  if (found === row.chain) return;
  throw damagedEntry(file, row.idx, `its checksum is ${found}, and ${row.chain} was expected`);
}

/** The checksum cannot tell text from the same bytes, nor what stands for a number from the number. */
function faultOfColumns(row: EntryRow): string | null {
  const { payload, client, term, kind, stamp_ms: stampMs, session, sequence, answered_below: answeredBelow } = row;
  const numbers = [term, kind, stampMs, session ?? 0, sequence ?? 0, answeredBelow ?? 0];
  if (!numbers.every((each) => typeof (each as unknown) === "number"))
    return "it holds something else where numbers were expected";
  if (!((payload as unknown) instanceof Uint8Array)) return "its payload holds no bytes, and bytes were expected";
  if (client !== null && typeof (client as unknown) !== "string")
    return "its client holds no text, and text was expected";
  return null;
}
