// Who may say what? A default-deny table: a node sends peer messages only, a client requests only, and some requests only
// an administrator. The first half is the codec's, which takes only what its context allows; the second is this table, and
// a kind that is not in it does not compile.
import type { ClientRequest } from "../../ports/requests.ts";
import type { BadFrame } from "../cbor/codec.ts";
import type { Refused } from "../cbor/frames.ts";
import { refused } from "./hello.ts";

const neededFor: Readonly<Record<ClientRequest["kind"], "client" | "administrator">> = {
  command: "client",
  openSession: "client",
  closeSession: "client",
  query: "client",
  status: "client",
  configuration: "client",
  describe: "client",
  transferLeadership: "administrator",
  changeMembership: "administrator",
  stop: "administrator",
  backup: "administrator",
  readBackup: "administrator",
  rollOut: "administrator",
  skip: "administrator",
};

export const mayAsk = (kind: ClientRequest["kind"], isAdmin: boolean): boolean =>
  neededFor[kind] === "client" || (isAdmin && neededFor[kind] === "administrator");

/** The last word to a side whose frame was not accepted. */
export const refusalOfFrame = (error: BadFrame): Refused => refused(error.code, error.message);
