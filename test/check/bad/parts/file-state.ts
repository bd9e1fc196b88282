// A state in one file that is replaced as a whole: data and records together.
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Durable } from "graft";

export interface FileState<Data> {
  readonly folder: string;
  data: Data;
  records: Record<string, string>;
}

const fileIn = (folder: string): string => join(folder, "state.json");

export const inFile = <Data>(empty: Data): Durable<FileState<Data>> => ({
  open(folder) {
    if (!existsSync(fileIn(folder))) return { folder, data: empty, records: {} };
    const { data, records } = JSON.parse(readFileSync(fileIn(folder), "utf8")) as FileState<Data>;
    return { folder, data, records };
  },
  records: ({ records }) => Object.entries(records).map(([key, value]) => [key, Uint8Array.fromBase64(value)]),
  commit(state, changes) {
    for (const [key, value] of changes) {
      if (value === null) delete state.records[key];
      else state.records[key] = value.toBase64();
    }
    save(state);
  },
  clear(state) {
    state.data = empty;
    state.records = {};
  },
  close: () => {},
});

/** As it is, which is too early unless in a commit. */
export function save({ folder, data, records }: FileState<unknown>): void {
  const path = fileIn(folder);
  writeFileSync(`${path}.new`, JSON.stringify({ data, records }));
  renameSync(`${path}.new`, path);
}
