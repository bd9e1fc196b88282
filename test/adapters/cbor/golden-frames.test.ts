// The wire format cannot change by accident: every message is pinned to the byte.
import { expect, test } from "bun:test";
import { decodeFrame, encodeFrame } from "../../../src/adapters/cbor/codec.ts";
import { messageNumbers } from "../../../src/adapters/cbor/message-numbers.ts";
import { kinds, names } from "./frame-generator.ts";
import { goldenFrames } from "./golden-frames.ts";

test.each(names)("%s is written as it has always been", (name) => {
  const { frame, hex } = goldenFrames[name];
  expect(Buffer.from(encodeFrame(frame)).toString("hex")).toBe(hex);
});

test.each(names)("%s is read as it has always been", (name) => {
  const { frame, hex } = goldenFrames[name];
  expect(decodeFrame(Buffer.from(hex, "hex").subarray(4), kinds[name][0])).toStrictEqual(frame);
});

test("the numbers of the messages are what they have always been", () => {
  expect(Object.values(messageNumbers)).toEqual([
    1, 2, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 32, 33, 34, 35, 36, 37,
    38, 39, 40, 41, 42, 43, 44, 45, 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76, 96, 97, 98, 99, 100, 101,
  ]);
});
