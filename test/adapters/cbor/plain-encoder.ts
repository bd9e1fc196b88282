// Another encoder than our own, to write frames that ours would not, and to compare with what it does write.
import { Encoder } from "cbor-x/encode";
import { type PlainItem, plainOptions } from "../../../src/adapters/cbor/plain-cbor.ts";

const plain = new Encoder(plainOptions);

/** What `encodePlain` takes: integers beyond 32 bits as BigInt, since cbor-x would write a float for a number. */
export type PlainInput = PlainItem | bigint | readonly PlainInput[] | Map<string, PlainInput>;

/** A copy of its own. */
export function encodePlain(value: PlainInput): Uint8Array {
  return new Uint8Array(plain.encode(value));
}
