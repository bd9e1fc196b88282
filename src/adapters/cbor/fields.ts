// Reads the fields of a message one by one, each against its type, range and form. What is thrown names the field,
// never its value. Which fields a message has is in the file of that message.
import { addressFault, addressLengthMax } from "../../core/address.ts";
import type { LogIndex, Term } from "../../core/log-position.ts";
import { isMemberName, isName, nameLengthMax } from "../../core/name.ts";
import { BadFrame } from "./bad-frame.ts";
import { termMax } from "./limits.ts";
import type { PlainItem } from "./plain-cbor.ts";

export type Item = PlainItem | undefined;

/** A fixed array: exactly `length` items. */
export function row(item: Item, length: number, field: string): readonly PlainItem[] {
  if (!Array.isArray(item) || item.length !== length) throw new BadFrame(`${field}: not an array of ${length}`);
  return item;
}

/** A fixed array whose last items may be left out: as many items as one of `lengths`, the shortest first. */
export function rowOf(item: Item, lengths: readonly number[], field: string): readonly PlainItem[] {
  const isOne = Array.isArray(item) && lengths.includes(item.length);
  return row(item, isOne ? item.length : lengths[0]!, field);
}

/** A list of up to `max` items. */
export function list(item: Item, max: number, field: string): readonly PlainItem[] {
  if (!Array.isArray(item)) throw new BadFrame(`${field}: not an array`);
  if (item.length > max) throw new BadFrame(`${field}: more than ${max}`);
  return item;
}

/** A list whose items `read` turns into something with a key, none of them twice. */
export function distinct<T>(
  item: Item,
  max: number,
  field: string,
  read: (item: Item, field: string) => T,
  keyOf: (value: T) => string,
): readonly T[] {
  const values = list(item, max, field).map((each) => read(each, field));
  if (new Set(values.map(keyOf)).size !== values.length) throw new BadFrame(`${field}: one of them twice`);
  return values;
}

export function uint(item: Item, max: number, field: string): number {
  if (typeof item !== "number" || item < 0) throw new BadFrame(`${field}: not an unsigned integer`);
  if (item > max) throw new BadFrame(`${field}: out of range`);
  return item;
}

export const term = (item: Item, field: string): Term => uint(item, termMax, field);
/** What a client calls a request by. */
export const requestId = (item: Item): number => uint(item, Number.MAX_SAFE_INTEGER, "id");
export const logIndex = (item: Item, field: string): LogIndex => uint(item, Number.MAX_SAFE_INTEGER, field);

export function int32(item: Item, field: string): number {
  if (typeof item !== "number" || item < -(2 ** 31) || item >= 2 ** 31)
    throw new BadFrame(`${field}: not an integer of 32 bits`);
  return item;
}

export function bool(item: Item, field: string): boolean {
  if (typeof item !== "boolean") throw new BadFrame(`${field}: not a boolean`);
  return item;
}

export function bytes(item: Item, bytesMax: number, field: string): Uint8Array {
  if (!(item instanceof Uint8Array)) throw new BadFrame(`${field}: not a byte string`);
  if (item.byteLength > bytesMax) throw new BadFrame(`${field}: longer than ${bytesMax} bytes`);
  return item;
}

export function orNull<T>(item: Item, field: string, read: (item: Item, field: string) => T): T | null {
  return item === null ? null : read(item, field);
}

/** One of a fixed set of words. */
export function word<T extends string>(item: Item, words: readonly T[], field: string): T {
  const found = words.find((each) => each === item);
  if (found === undefined) throw new BadFrame(`${field}: not one of its values`);
  return found;
}

export const ruled = (item: Item, lengthMax: number, holds: (text: string) => boolean, field: string): string => {
  const text = matching(item, lengthMax, anything, field);
  if (!holds(text)) throw new BadFrame(`${field}: not of its form`);
  return text;
};

const anything = /^/;

function matching(item: Item, lengthMax: number, form: RegExp, field: string): string {
  if (typeof item !== "string") throw new BadFrame(`${field}: not a text`);
  if (item.length > lengthMax) throw new BadFrame(`${field}: longer than ${lengthMax} characters`);
  if (!form.test(item)) throw new BadFrame(`${field}: not of its form`);
  return item;
}

const uuidForm = /^[0-9a-f]{32}$/;
const codeHashForm = /^[0-9a-f]{64}$/;
/** What may stand in a log as an address: what older versions took for one. */
const storedAddressForm = /^[\x21-\x7e]+:[1-9][0-9]{0,4}$/;
/** Control characters, line separators and what turns the direction of writing: nothing that can forge a line of a log. */
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const unprintable = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069\ufeff]/;
const printableForm = new RegExp(`^[^${unprintable.source.slice(1, -1)}]*$`);
const unprintables = new RegExp(unprintable.source, "g");

/** Letters, digits, '.', '_' and '-', 1 to 64 of them: the form of every identifier. */
export function name(item: Item, field: string): string {
  // Each entry has one: what is sound is passed at once.
  return typeof item === "string" && isName(item) ? item : ruled(item, nameLengthMax, isName, field);
}
/** A node id, or one of its incarnations: `id@incarnation`. */
export const memberName = (item: Item, field: string): string =>
  ruled(item, 2 * nameLengthMax + 1, isMemberName, field);
/** 32 lower-case hexadecimal digits. */
export const uuid = (item: Item, field: string): string => matching(item, 32, uuidForm, field);

/** 64 lower-case hexadecimal digits. */
export const codeHash = (item: Item, field: string): string => matching(item, 64, codeHashForm, field);

/** `host:port` */
export const address = (item: Item, field: string): string =>
  ruled(item, addressLengthMax, (text) => addressFault(text) === null, field);

/**
 * The address of a member, as a log has it. One that the rule refuses may have been committed, and then every member has it: it is
 * read, and whoever would dial it says why not.
 */
export function storedAddress(item: Item, field: string): string {
  const found = matching(item, addressLengthMax, storedAddressForm, field);
  if (Number(found.slice(found.lastIndexOf(":") + 1)) > 65_535) throw new BadFrame(`${field}: not of its form`);
  return found;
}

/** Text for people: printable, on one line. */
export const printable = (item: Item, lengthMax: number, field: string): string =>
  matching(item, lengthMax, printableForm, field);

/**
 * Makes a text of ours such that `printable` passes it: what cannot be printed becomes a space. A text that is too long loses its
 * middle, since the advice is at its end. Should that leave half of a surrogate pair, the writer makes it U+FFFD.
 */
export function toPrintable(text: string, lengthMax: number): string {
  const fitting = text.length <= lengthMax ? text : cutInTheMiddle(text, lengthMax);
  return fitting.replace(unprintables, " ");
}

function cutInTheMiddle(text: string, lengthMax: number): string {
  const head = Math.floor((lengthMax - 1) / 2);
  return `${text.slice(0, head)}…${text.slice(text.length - (lengthMax - 1 - head))}`;
}
