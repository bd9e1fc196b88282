// Draws what nodes tell each other of copies of the state machine, and the record of a snapshot; the rest is frame-generator.ts.
import type { SnapshotRecord } from "../../../src/core/snapshot-record.ts";
import type { Frame } from "../../../src/adapters/cbor/frames.ts";
import { stampMsMax } from "../../../src/adapters/cbor/limits.ts";
import type { FrameContext } from "../../../src/adapters/cbor/message-numbers.ts";
import { type Draw, index, termInOffice } from "./draw.ts";
import { activation, configuration } from "./entry-generator.ts";

/** Where a message may be received, and how to draw one. */
export type Kind = readonly [context: FrameContext, draw: (draw: Draw) => Frame];

export function snapshotRecord(draw: Draw, inTerm: number): SnapshotRecord {
  const end = { index: 1 + draw.uint(2 ** 40), term: 1 + draw.below(inTerm) };
  const from = draw.bool() ? { index: 0, term: 0 } : { index: draw.below(end.index), term: draw.below(end.term) };
  return {
    position: end,
    stampMs: draw.uint(stampMsMax),
    chain: index(draw),
    configuration: { position: from, configuration: configuration(draw) },
    activation: draw.orNull(() => ({ position: from, ...activation(draw, from.index) })),
    origin: draw.name(),
    file: draw.name(),
    bytes: index(draw),
    checksum: index(draw),
  };
}

export const copyKinds = {
  copyNotice: [
    "peer",
    (draw) => ({
      kind: "copyNotice",
      term: termInOffice(draw),
      copy: index(draw),
      isGiven: draw.bool(),
      isUnproven: draw.bool(),
      standing: draw.pick(["sound", "doubted", "wrong"]),
      doubt: draw.orNull(() => ({ index: index(draw), of: draw.pick(["outcomes", "content"]) })),
      covered: index(draw),
      words: draw.list(5, () => ({ index: index(draw), of: draw.pick(["outcomes", "content"]), value: index(draw) })),
    }),
  ],
  copyVerdict: [
    "peer",
    (draw) => ({
      kind: "copyVerdict",
      term: termInOffice(draw),
      copy: index(draw),
      standing: draw.pick(["sound", "doubted", "wrong"]),
      isConfirmed: draw.bool(),
      of: draw.pick(["outcomes", "content"]),
      after: index(draw),
      through: index(draw),
    }),
  ],
  copyAsk: ["peer", (draw) => ({ kind: "copyAsk", term: termInOffice(draw), at: index(draw) })],
  copyOffer: [
    "peer",
    (draw) => {
      const inTerm = termInOffice(draw);
      return { kind: "copyOffer", term: inTerm, copy: index(draw), snapshot: snapshotRecord(draw, inTerm) };
    },
  ],
  copyTrace: [
    "peer",
    (draw) => ({ kind: "copyTrace", term: termInOffice(draw), after: index(draw), through: index(draw) }),
  ],
  copySteps: [
    "peer",
    (draw) => {
      const values = Uint32Array.from(draw.list(5, () => draw.uint(0xffff_ffff)));
      return { kind: "copySteps", term: termInOffice(draw), from: index(draw), values };
    },
  ],
} satisfies Readonly<Record<string, Kind>>;
