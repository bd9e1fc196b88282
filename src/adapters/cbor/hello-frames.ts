// The hello and the refusal: how two sides of a new connection say who they are, or why they will not go on.
import type { FrameWriter } from "./frame-writer.ts";
import { BadFrame } from "./bad-frame.ts";
import { address, distinct, type Item, name, orNull, printable, row, toPrintable, uint, uuid, word } from "./fields.ts";
import type { Hello, HelloSender, NodePurpose, RefusalCode, Refused } from "./frames.ts";
import { featuresMax, labelLengthMax, messageLengthMax } from "./limits.ts";
import { readGenesis, writeGenesis } from "./membership.ts";
import { messageNumbers } from "./message-numbers.ts";
import type { PlainItem } from "./plain-cbor.ts";

const versionLimit = 0xffff;
const nodeRole = 0;
const clientRole = 1;
/** A node's connection for bulk. */
const bulkRole = 2;
/** A node's connection that only asks who is there. */
const probeRole = 3;

const roleOf: Readonly<Record<NodePurpose["kind"], number>> = { peer: nodeRole, bulk: bulkRole, probe: probeRole };

const refusalCodes = [
  "wrong-cluster",
  "wrong-identity",
  "wrong-node",
  "wrong-version",
  "wrong-state-machine",
  "duplicate-node",
  "not-allowed",
  "bad-frame",
  "busy",
  "stopping",
] as const satisfies readonly RefusalCode[];

export function writeHello(writer: FrameWriter, hello: Hello): void {
  writer.start(messageNumbers.hello, 8);
  writer.uint(hello.versionMin);
  writer.uint(hello.versionMax);
  writer.list(hello.features.length, featuresMax);
  for (const feature of hello.features) writer.text(feature);
  writer.text(hello.cluster);
  writeSender(writer, hello.sender);
  writer.textOrNull(hello.meant);
  writer.text(toPrintable(hello.software, labelLengthMax));
}

export function readHello(items: readonly PlainItem[]): Hello {
  const [, versionMin, versionMax, features, cluster, sender, meant, software] = row(items, 8, "hello");
  const hello: Hello = {
    kind: "hello",
    versionMin: uint(versionMin, versionLimit, "hello.versionMin"),
    versionMax: uint(versionMax, versionLimit, "hello.versionMax"),
    features: distinct(features, featuresMax, "hello.features", name, (feature) => feature),
    cluster: name(cluster, "hello.cluster"),
    sender: readSender(sender),
    meant: orNull(meant, "hello.meant", name),
    software: printable(software, labelLengthMax, "hello.software"),
  };
  if (hello.versionMin > hello.versionMax) throw new BadFrame("hello.versionMax: below hello.versionMin");
  return hello;
}

function writeSender(writer: FrameWriter, sender: HelloSender): void {
  if (sender.role === "client") {
    writer.array(2);
    writer.uint(clientRole);
    writer.text(sender.name);
    return;
  }
  const isBulk = sender.purpose.kind === "bulk";
  writer.array(isBulk ? 7 : 6);
  writer.uint(roleOf[sender.purpose.kind]);
  writer.text(sender.id);
  writer.text(sender.incarnation);
  writer.text(sender.bootId);
  writer.text(sender.address);
  if (sender.genesis === null) writer.nil();
  else writeGenesis(writer, sender.genesis);
  if (sender.purpose.kind === "bulk") writer.textOrNull(sender.purpose.nonce);
}

function readSender(item: Item): HelloSender {
  if (Array.isArray(item) && item[0] === clientRole) {
    const [, clientName] = row(item, 2, "hello.sender");
    return { role: "client", name: name(clientName, "hello.sender.name") };
  }
  const isBulk = Array.isArray(item) && item[0] === bulkRole;
  const [role, id, incarnation, bootId, at, genesis, nonce] = row(item, isBulk ? 7 : 6, "hello.sender");
  return {
    role: "node",
    id: name(id, "hello.sender.id"),
    incarnation: name(incarnation, "hello.sender.incarnation"),
    bootId: name(bootId, "hello.sender.bootId"),
    address: address(at, "hello.sender.address"),
    genesis: orNull(genesis, "hello.sender.genesis", readGenesis),
    purpose: readPurpose(role, nonce),
  };
}

function readPurpose(role: Item, nonce: Item): NodePurpose {
  switch (role) {
    case nodeRole:
      return { kind: "peer" };
    case bulkRole:
      return { kind: "bulk", nonce: orNull(nonce, "hello.sender.nonce", uuid) };
    case probeRole:
      return { kind: "probe" };
    default:
      throw new BadFrame("hello.sender.role: not one of its values");
  }
}

export function writeRefused(writer: FrameWriter, refused: Refused): void {
  writer.start(messageNumbers.refused, 3);
  writer.text(refused.code);
  writer.text(toPrintable(refused.message, messageLengthMax));
}

export function readRefused(items: readonly PlainItem[]): Refused {
  const [, code, message] = row(items, 3, "refused");
  return {
    kind: "refused",
    code: word(code, refusalCodes, "refused.code"),
    message: printable(message, messageLengthMax, "refused.message"),
  };
}
