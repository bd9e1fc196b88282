// How an entry stands in a row, and a configuration in its payload: the file's format, which schema.ts numbers.
// The chain over it is chain.ts.
import { type Activation, activationOf } from "../../core/activation.ts";
import type { Configuration } from "../../core/configuration.ts";
import type { Entry, OpenSessionEntry, OwnedStamp } from "../../core/entry.ts";
import type { Chain, ChainLink } from "./chain.ts";

/** A row of the table `log`, columns as they are named there. */
export interface EntryRow {
  readonly idx: number;
  readonly term: number;
  readonly kind: number;
  readonly stamp_ms: number;
  readonly chain: Chain;
  readonly payload: Uint8Array;
  /** Of a command's stamp, all four or none; the first also of the end of a session. */
  readonly session: number | null;
  readonly sequence: number | null;
  readonly answered_below: number | null;
  /** Also of the beginning and the end of a session. */
  readonly client: string | null;
}

// Never renumbered: files of older versions hold them.
const noopKind = 1;
const commandKind = 2;
export const configurationKind = 3;
const openSessionKind = 4;
const closeSessionKind = 5;
export const activateKind = 6;
const tickKind = 8;

const kindNames = new Map<number, Entry["kind"]>([
  [noopKind, "noop"],
  [commandKind, "command"],
  [configurationKind, "configuration"],
  [openSessionKind, "openSession"],
  [closeSessionKind, "closeSession"],
  [activateKind, "activate"],
  [tickKind, "tick"],
]);

/** What an entry is by the kind in its row; null when this binary does not know it. */
export const kindOf = ({ kind }: Pick<EntryRow, "kind">): Entry["kind"] | null => kindNames.get(kind) ?? null;

const nothing = new Uint8Array(0);
const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder("utf-8", { fatal: true });

/** The entry as it is stored, and as its checksum sees it. */
export function toLink(entry: Entry): ChainLink {
  switch (entry.kind) {
    case "noop":
      return linkOf(entry, noopKind, nothing);
    case "command": {
      const { session, payload } = entry;
      return linkOf(entry, commandKind, payload, session ?? {});
    }
    case "configuration":
      return linkOf(entry, configurationKind, encodeConfiguration(entry.configuration));
    case "openSession": {
      const { client, isAdmin, timeoutMs } = entry;
      return linkOf(entry, openSessionKind, utf8.encode(JSON.stringify({ timeoutMs, isAdmin })), { client });
    }
    case "closeSession":
      return linkOf(entry, closeSessionKind, nothing, { id: entry.session, client: entry.client });
    case "activate":
      return linkOf(entry, activateKind, utf8.encode(JSON.stringify(orderedActivation(entry))));
    case "tick":
      return linkOf(entry, tickKind, nothing);
  }
}

const linkOf = (
  { index, term, stampMs }: Entry,
  kindNumber: number,
  payload: Uint8Array,
  { id: session = 0, sequence = 0, answeredBelow = 0, client = "" }: Partial<OwnedStamp> = {},
): ChainLink => ({ index, term, stampMs, kindNumber, payload, session, sequence, answeredBelow, client });

export const rowLink = (row: EntryRow): ChainLink => ({
  index: row.idx,
  term: row.term,
  stampMs: row.stamp_ms,
  kindNumber: row.kind,
  payload: row.payload,
  session: row.session ?? 0,
  sequence: row.sequence ?? 0,
  answeredBelow: row.answered_below ?? 0,
  client: row.client ?? "",
});

/** The entry of a row whose checksum has been verified; null when this binary does not know its kind. */
export function toEntry(row: EntryRow): Entry | null {
  const { idx: index, term, stamp_ms: stampMs } = row;
  switch (row.kind) {
    case noopKind:
      return { kind: "noop", index, term, stampMs };
    case commandKind:
      return { kind: "command", index, term, stampMs, payload: row.payload, session: stampOf(row) };
    case configurationKind:
      return { kind: "configuration", index, term, stampMs, configuration: decodeConfiguration(row.payload) };
    case openSessionKind: {
      const { timeoutMs, isAdmin } = JSON.parse(fromUtf8.decode(row.payload)) as Pick<
        OpenSessionEntry,
        "timeoutMs" | "isAdmin"
      >;
      return { kind: "openSession", index, term, stampMs, client: row.client ?? "", isAdmin, timeoutMs };
    }
    case closeSessionKind:
      return { kind: "closeSession", index, term, stampMs, client: row.client ?? "", session: row.session ?? 0 };
    case activateKind:
      return { kind: "activate", index, term, stampMs, ...decodeActivated(row.payload) };
    case tickKind:
      return { kind: "tick", index, term, stampMs };
    default:
      return null;
  }
}

const stampOf = ({ session: id, sequence, answered_below: answeredBelow, client }: EntryRow): OwnedStamp | null =>
  id === null || sequence === null || answeredBelow === null || client === null
    ? null
    : { id, sequence, answeredBelow, client };

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

export const orderedActivation = ({ plugin: { name, version, hash }, replaces, skips }: Activation): Activation =>
  activationOf({ plugin: { name, version, hash }, replaces, ...(skips === undefined ? {} : { skips }) });

const encodeConfiguration = (configuration: Configuration): Uint8Array =>
  utf8.encode(JSON.stringify(ordered(configuration)));

/** For bytes whose checksum has been verified: they are what `encodeConfiguration` wrote. */
export const decodeConfiguration = (payload: Uint8Array): Configuration =>
  JSON.parse(fromUtf8.decode(payload)) as Configuration;

/** For bytes whose checksum has been verified. */
export const decodeActivated = (payload: Uint8Array): Activation => JSON.parse(fromUtf8.decode(payload)) as Activation;
