// Members, configurations and the genesis on the wire, as parts of other messages.
import {
  type Configuration,
  incarnationOf,
  type Member,
  type MemberKey,
  nodeIdOf,
  type PendingStep,
  toMemberKey,
} from "../../core/configuration.ts";
import type { Genesis } from "../../core/genesis.ts";
import { BadFrame } from "./bad-frame.ts";
import { distinct, int32, type Item, list, name, row, storedAddress, uint, uuid } from "./fields.ts";
import type { FrameWriter } from "./frame-writer.ts";
import { membersMax, stampMsMax } from "./limits.ts";

export function writeGenesis(writer: FrameWriter, genesis: Genesis): void {
  writer.array(3);
  writer.text(genesis.clusterUuid);
  writeMembers(writer, genesis.members);
  writer.uint(genesis.foundedAtMs);
}

export function readGenesis(item: Item): Genesis {
  const [clusterUuid, members, foundedAtMs] = row(item, 3, "genesis");
  return {
    clusterUuid: uuid(clusterUuid, "genesis.clusterUuid"),
    members: readMembers(members, "genesis.members"),
    foundedAtMs: uint(foundedAtMs, stampMsMax, "genesis.foundedAtMs"),
  };
}

export function writeConfiguration(writer: FrameWriter, configuration: Configuration): void {
  writer.array(5);
  writeMembers(writer, configuration.members);
  for (const keys of [configuration.voters, configuration.outgoing, configuration.leaving]) writeKeys(writer, keys);
  writer.list(configuration.pending.length, membersMax);
  for (const { promote, demote, remove } of configuration.pending) {
    writer.array(3);
    for (const keys of [promote, demote, remove]) writeKeys(writer, keys);
  }
}

/** Beside the form of each part: every key listed belongs to a member, and somebody can vote. */
export function readConfiguration(item: Item): Configuration {
  const [members, voters, outgoing, leaving, pending] = row(item, 5, "configuration");
  const configuration: Configuration = {
    members: readMembers(members, "configuration.members"),
    voters: readKeys(voters, "configuration.voters"),
    outgoing: readKeys(outgoing, "configuration.outgoing"),
    leaving: readKeys(leaving, "configuration.leaving"),
    pending: list(pending, membersMax, "configuration.pending").map((step) => readStep(step, "configuration.pending")),
  };
  const known = new Set(configuration.members.map((member) => member.key));
  const steps = configuration.pending.flatMap(({ promote, demote, remove }) => [...promote, ...demote, ...remove]);
  const listed = [...configuration.voters, ...configuration.outgoing, ...configuration.leaving, ...steps];
  if (!listed.every((key) => known.has(key))) throw new BadFrame("configuration: lists a node that is no member");
  if (configuration.voters.length === 0) throw new BadFrame("configuration: without voters");
  return configuration;
}

export function writeMembers(writer: FrameWriter, members: readonly Member[]): void {
  writer.list(members.length, membersMax);
  for (const member of members) {
    writer.array(4);
    writer.text(nodeIdOf(member.key));
    writer.text(incarnationOf(member.key));
    writer.text(member.address);
    writer.int(member.priority);
  }
}

export function readMembers(item: Item, field: string): readonly Member[] {
  const members = distinct(item, membersMax, field, readMember, (member) => member.key);
  if (members.length === 0) throw new BadFrame(`${field}: empty`);
  return members;
}

function readMember(item: Item, field: string): Member {
  const [id, incarnation, at, priority] = row(item, 4, field);
  return {
    key: toMemberKey(name(id, `${field}.id`), name(incarnation, `${field}.incarnation`)),
    address: storedAddress(at, `${field}.address`),
    priority: int32(priority, `${field}.priority`),
  };
}

function readStep(item: Item, field: string): PendingStep {
  const [promoted, demote, remove] = row(item, 3, field);
  const promote = readKeys(promoted, `${field}.promote`);
  if (promote.length === 0) throw new BadFrame(`${field}: waits for nobody`);
  return {
    promote,
    demote: readKeys(demote, `${field}.demote`),
    remove: readKeys(remove, `${field}.remove`),
  };
}

export function writeKeys(writer: FrameWriter, keys: readonly MemberKey[]): void {
  writer.list(keys.length, membersMax);
  for (const key of keys) writeKey(writer, key);
}

function writeKey(writer: FrameWriter, key: MemberKey): void {
  writer.array(2);
  writer.text(nodeIdOf(key));
  writer.text(incarnationOf(key));
}

export function readKeys(item: Item, field: string): readonly MemberKey[] {
  return distinct(item, membersMax, field, readKey, (key) => key);
}

function readKey(item: Item, field: string): MemberKey {
  const [id, incarnation] = row(item, 2, field);
  return toMemberKey(name(id, `${field}.id`), name(incarnation, `${field}.incarnation`));
}
