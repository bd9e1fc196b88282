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

/** Of those that are no numbers: a number that is none has another checksum. */
function faultOfColumns({ payload, client }: EntryRow): string | null {
  if (!((payload as unknown) instanceof Uint8Array)) return "its payload holds no bytes, and bytes were expected";
  if (client !== null && typeof (client as unknown) !== "string")
    return "its client holds no text, and text was expected";
  return null;
}
