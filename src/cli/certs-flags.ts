// What `certs init` and `certs issue` share: whom certificates are for, and how that is typed.
import type { ArgsDef } from "citty";
import { addressFault } from "../core/address.ts";
import { GraftError } from "../errors.ts";
import type { Paint } from "./output.ts";
import { parseCount } from "./typed-numbers.ts";

export const issueFlags = {
  node: {
    type: "string",
    valueHint: "ID=HOST[:PORT][,…]",
    description: "a node and its address; may be repeated",
  },
  client: { type: "string", valueHint: "NAME", description: "a client; may be repeated" },
  dir: { type: "string", valueHint: "FOLDER", description: "the folder of certificates and keys; default: certs" },
  days: {
    type: "string",
    valueHint: "DAYS",
    description: "how long certificates of nodes and clients are valid; default: 730",
  },
  force: { type: "boolean", description: "replace existing files" },
} as const satisfies ArgsDef;

/** The most that dates in certificates are asked for: a thousand years. */
const daysMax = 365_000;

export interface NodeNames {
  readonly id: string;
  readonly hosts: readonly string[];
  /** The first with a port: where clients find the node. */
  readonly address: string | null;
}

/** Throws `GraftError("usage")`. */
export function nodesOf(given: readonly string[]): readonly NodeNames[] {
  return given.map((each) => {
    const [, id, rest] = /^([^=]+)=(.+)$/.exec(each) ?? [];
    if (id === undefined || rest === undefined) {
      throw new GraftError(
        "usage",
        `--node ${JSON.stringify(each)}: say where it is reached: --node ${each}=HOST:PORT`,
      );
    }
    const hosts = rest.split(",");
    return { id, hosts, address: hosts.find((host) => addressFault(host) === null) ?? null };
  });
}

export const daysOf = (flag: string, text: string | undefined): number | undefined =>
  text === undefined ? undefined : parseCount(flag, text, { min: 1, max: daysMax });

export const writtenWords = (written: readonly string[], paint: Paint): readonly string[] =>
  written.map((path) => `${paint("green", "written")} ${path}`);
