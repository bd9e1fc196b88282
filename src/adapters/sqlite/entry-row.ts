// How an entry stands in a row, and a configuration in its payload: the file's format, which schema.ts numbers.
// The chain over it is chain.ts.
import type { Configuration } from "../../core/configuration.ts";
import type { Entry } from "../../core/entry.ts";
import type { Chain, ChainLink } from "./chain.ts";

/** A row of the table `log`, columns as they are named there. */
export interface EntryRow {
  readonly idx: number;
  readonly term: number;
  readonly kind: number;
  readonly stamp_ms: number;
  readonly chain: Chain;
  readonly payload: Uint8Array;
}

// Never renumbered: files of older versions hold them.
const noopKind = 1;
const commandKind = 2;
export const configurationKind = 3;

const nothing = new Uint8Array(0);
const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder("utf-8", { fatal: true });

/** The entry as it is stored, and as its checksum sees it. */
export function toLink(entry: Entry): ChainLink {
  const { index, term, stampMs } = entry;
  switch (entry.kind) {
    case "noop":
      return { index, term, stampMs, kindNumber: noopKind, payload: nothing };
    case "command":
      return { index, term, stampMs, kindNumber: commandKind, payload: entry.payload };
    case "configuration":
      return {
        index,
        term,
        stampMs,
        kindNumber: configurationKind,
        payload: encodeConfiguration(entry.configuration),
      };
  }
}

export const rowLink = (row: EntryRow): ChainLink => ({
  index: row.idx,
  term: row.term,
  stampMs: row.stamp_ms,
  kindNumber: row.kind,
  payload: row.payload,
});

/** The entry of a row whose checksum has been verified; null when this binary does not know its kind. */
export function toEntry(row: EntryRow): Entry | null {
  const { idx: index, term, stamp_ms: stampMs } = row;
  switch (row.kind) {
    case noopKind:
      return { kind: "noop", index, term, stampMs };
    case commandKind:
      return { kind: "command", index, term, stampMs, payload: row.payload };
    case configurationKind:
      return { kind: "configuration", index, term, stampMs, configuration: decodeConfiguration(row.payload) };
    default:
      return null;
  }
}

/** Its keys in this order always, so that equal configurations have equal bytes and checksums on every node. */
export function ordered({ members, voters, outgoing, leaving, pending }: Configuration): Configuration {
  return {
    members: members.map(({ key, address, priority }) => ({ key, address, priority })),
    voters,
    outgoing,
    leaving,
    pending: pending.map(({ promote, demote, remove }) => ({ promote, demote, remove })),
  };
}

const encodeConfiguration = (configuration: Configuration): Uint8Array =>
  utf8.encode(JSON.stringify(ordered(configuration)));

/** For bytes whose checksum has been verified: they are what `encodeConfiguration` wrote. */
export const decodeConfiguration = (payload: Uint8Array): Configuration =>
  JSON.parse(fromUtf8.decode(payload)) as Configuration;
