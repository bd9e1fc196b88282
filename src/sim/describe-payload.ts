// How does a person write down what a client sends, and what the state machine answers?
import type { Plugin } from "../adapters/plugin/definition-check.ts";
import { decodeValue } from "../adapters/cbor/value.ts";
import { type PayloadValue, textOf, toJson } from "../client/typed-payload.ts";
import type { Outcome } from "../ports/state-machine.ts";
import { describeState } from "./state-text.ts";

type Style = Plugin["style"];

const shownMax = 200;
/** Of a larger result only the size is told, bytes. */
const readMax = 8 * 2 ** 10;

/** A command or query, on one line: `add {"item":"a"}`. */
export function describePayload(style: Style, payload: Uint8Array): string {
  return cut(style === "raw" ? describeBytes(payload) : describeOperation(payload));
}

/** The input of an operation, on one line. */
export const describeInput = (input: unknown): string => cut(describeValue(input as PayloadValue));

/** What came of it, on one line, as the end of a sentence. */
export function describeAnswer(style: Style, outcome: Outcome): string {
  switch (outcome.kind) {
    case "ok":
      if (outcome.payload.length > readMax) return `${outcome.payload.length} bytes`;
      return cut(style === "raw" ? describeBytes(outcome.payload) : describeValue(decodeValue(outcome.payload)));
    case "rejected":
    case "full":
    case "unsendable":
      return cut(`${outcome.kind}, ${outcome.message}`);
    case "expired":
      return "refused, its session is gone";
    case "forgotten":
      return "refused, nobody waits for it any more";
  }
}

/** All of it, so that equal outcomes have equal texts, and no others. */
export function describeOutcome(style: Style, outcome: Outcome): string {
  if (outcome.kind !== "ok") return "message" in outcome ? `${outcome.kind}: ${outcome.message}` : outcome.kind;
  return style === "raw" ? describeBytes(outcome.payload) : describeState(decodeValue(outcome.payload)).text;
}

function describeOperation(payload: Uint8Array): string {
  const [name, input] = decodeValue(payload) as readonly [string, PayloadValue];
  return `${name} ${describeValue(input)}`;
}

const describeValue = (value: PayloadValue): string => JSON.stringify(toJson(value));

function describeBytes(bytes: Uint8Array): string {
  const text = textOf(bytes);
  return text === null ? `0x${Buffer.from(bytes).toString("hex")}` : JSON.stringify(text);
}

const cut = (text: string): string => (text.length <= shownMax ? text : `${text.slice(0, shownMax)}…`);
