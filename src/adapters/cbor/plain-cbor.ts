// cbor-x, set up to read plain CBOR, and in tests to write it: no records, no shared structures, no tags of its own, no BigInt out.
// It trusts its input, so nothing from outside reaches it before strict-cbor.ts has passed it.
// This entry is JavaScript alone: the package's main one loads a native addon where it finds one, which corrupts what it
// decodes under Bun.
import { Encoder } from "cbor-x/encode";

/** `int64AsNumber` is in cbor-x's decoder but not in its types: 64-bit integers come out as numbers, not as BigInt. */
interface PlainOptions extends NonNullable<ConstructorParameters<typeof Encoder>[0]> {
  readonly int64AsNumber: true;
}

export const plainOptions: PlainOptions = {
  useRecords: false,
  maxSharedStructures: 0,
  maxOwnStructures: 0,
  structuredClone: false,
  bundleStrings: false,
  pack: false,
  useSelfDescribedHeader: false,
  useToJSON: false,
  /** Frames have no maps. Should one get here, it is a `Map`: a key can never meet a property that an object has by birth. */
  mapsAsObjects: false,
  variableMapSize: true,
  tagUint8Array: false,
  int64AsNumber: true,
  /** What is decoded outlives the receive buffer it was decoded from. */
  copyBuffers: true,
};

const plain = new Encoder(plainOptions);

/** What `decodePlain` gives for CBOR of the strict profile. */
export type PlainItem = null | boolean | number | string | Uint8Array | readonly PlainItem[];

/** Only for bytes that `checkStrict` has passed. Byte strings are copies. */
export function decodePlain(bytes: Uint8Array): PlainItem {
  return plain.decode(bytes) as PlainItem;
}

/** A `Buffer` is made a plain view first, so that byte strings come out as `Uint8Array` whatever went in. */
export function plainView(bytes: Uint8Array): Uint8Array {
  return bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
