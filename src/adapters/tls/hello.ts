// May this conversation begin? What the two sides tell each other first, and the checks of it against the certificate and
// against what this side is. The dialling side speaks first; the answer is the other hello, or `refused`.
import type { Affiliation } from "../../core/genesis.ts";
import { nameLengthMax } from "../../core/name.ts";
import type { Hello, HelloSender, RefusalCode, Refused } from "../cbor/frames.ts";
import { describeIdentity, type Identity, nameOf } from "./identity.ts";
import type { Side } from "./tls-words.ts";

/** The protocol versions this program speaks, both included. */
const versionMin = 2;
const versionMax = 2;

export type NodeSender = Extract<HelloSender, { readonly role: "node" }>;

export const refused = (code: RefusalCode, message: string): Refused => ({ kind: "refused", code, message });

export function makeHello(
  cluster: string,
  sender: HelloSender,
  { meant, software, features = [] }: Pick<Hello, "meant" | "software"> & Partial<Pick<Hello, "features">>,
): Hello {
  return { kind: "hello", versionMin, versionMax, features, cluster, sender, meant, software };
}

const machinePrefix = "machine.";

/** How a node's hello names its state machine; what a feature cannot hold of the name is `_`, or left out at the end. */
export const machineFeature = (name: string): string =>
  machinePrefix + name.replace(/[^A-Za-z0-9._-]/g, "_").slice(0, nameLengthMax - machinePrefix.length);

/** The node understands an entry that skips another one. */
export const skipsFeature = "skips";

/** What a peer says of itself that its status shows. */
export const toldIn = ({ address }: NodeSender, { software, features }: Hello) => ({
  version: software,
  announced: address,
  knowsSkips: features.includes(skipsFeature),
});
/**
 * The node understands the messages by which copies of the state machine are compared. The number is that of the hashes: with another number they
 * are made in another way, and are not compared.
 */
export const copiesFeature = "copies-1";

/** A node that knows no genesis says by it that it founds no cluster. */
export const joiningFeature = "joining";

export const affiliationIn = ({ genesis }: NodeSender, { features }: Hello): Affiliation =>
  genesis ?? (features.includes(joiningFeature) ? "joining" : "founding");

/** What this side knows before the other has spoken. */
export interface Expectation {
  /** Our `[cluster] id`. */
  readonly cluster: string;
  /** Our own node id or client name. */
  readonly self: string;
  /** Which node was dialled on purpose; null: any, or this side accepted the connection. */
  readonly meant: string | null;
  readonly side: Side;
  /** The genesis that this node knows, if any: a node that knows another one belongs to a cluster that has only the name. */
  readonly clusterUuid?: string | null;
  /** The feature that names this node's state machine; null: this is a client. */
  readonly machine?: string | null;
}

/** The first look, at the certificate alone: an identity to go on with, or why not. */
export function checkIdentity(identity: Identity | string, expected: Expectation): Identity | Refused {
  if (typeof identity === "string") return refused("wrong-identity", identity);
  if (identity.cluster !== expected.cluster) {
    return refused(
      "wrong-cluster",
      `the certificate of ${describeIdentity(identity)} belongs to cluster "${identity.cluster}", this is "${expected.cluster}"`,
    );
  }
  if (expected.side === "accepted") return identity;
  if (identity.role !== "node") {
    return refused("wrong-identity", `${describeIdentity(identity)} answers where a node was expected`);
  }
  if (expected.meant !== null && identity.id !== expected.meant) {
    return refused("wrong-node", `${identity.id} answers at this address, ${expected.meant} was meant`);
  }
  return identity;
}

/** The second look: the hello against the certificate and against this side. Null when all is well. */
export function checkHello(hello: Hello, identity: Identity, expected: Expectation): Refused | null {
  if (hello.cluster !== expected.cluster) {
    return refused("wrong-cluster", `the hello names cluster "${hello.cluster}", this is "${expected.cluster}"`);
  }
  const claimed = hello.sender.role === "node" ? hello.sender.id : hello.sender.name;
  if (hello.sender.role !== identity.role || claimed !== nameOf(identity)) {
    const certified = describeIdentity(identity);
    return refused(
      "wrong-identity",
      `the hello claims ${hello.sender.role} ${claimed}, the certificate is that of ${certified}`,
    );
  }
  const known = hello.sender.role === "node" ? (hello.sender.genesis?.clusterUuid ?? null) : null;
  const own = expected.clusterUuid ?? null;
  if (known !== null && own !== null && known !== own) {
    return refused(
      "wrong-cluster",
      `${claimed} was founded with another cluster of the same name (${known.slice(0, 8)}, this is ${own.slice(0, 8)})`,
    );
  }
  const machine = hello.features.find((feature) => feature.startsWith(machinePrefix));
  if (machine !== undefined && expected.machine && machine !== expected.machine) {
    const [theirs, ours] = [machine, expected.machine].map((feature) => feature.slice(machinePrefix.length));
    return refused(
      "wrong-state-machine",
      `the state machine of ${claimed} is "${theirs}", that of ${expected.self} "${ours}": all nodes of a cluster run the ` +
        `same; correct state_machine.plugin of the one that is wrong`,
    );
  }
  const isMeant = hello.meant === expected.self || (hello.meant === null && expected.side === "accepted");
  if (!isMeant) return refused("wrong-node", `this is ${expected.self}, ${hello.meant ?? "nobody"} was meant`);
  if (Math.min(hello.versionMax, versionMax) < Math.max(hello.versionMin, versionMin)) {
    return refused(
      "wrong-version",
      `no protocol version in common: ${hello.versionMin}–${hello.versionMax} there (${hello.software}), ${versionMin}–${versionMax} here`,
    );
  }
  return null;
}
