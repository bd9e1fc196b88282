// What a bytes field accepts, and that it makes the same bytes of every way to write them.
import { describe, expect, test } from "bun:test";
import { bytes, v } from "graft";

const accepted: readonly (readonly [string, unknown, readonly number[]])[] = [
  ["bytes", Uint8Array.of(0, 255, 7), [0, 255, 7]],
  ["a Buffer", Buffer.from([1, 2]), [1, 2]],
  ["a string, as UTF-8", "aé€", [97, 195, 169, 226, 130, 172]],
  ["an empty string", "", []],
  ["base64", { base64: "AP8H" }, [0, 255, 7]],
  ["padded base64", { base64: "AP8=" }, [0, 255]],
  ["empty base64", { base64: "" }, []],
];

const refused: readonly (readonly [string, unknown, string])[] = [
  ["null", null, "Invalid bytes"],
  ["a number", 5, "Invalid bytes"],
  ["an array", [1, 2], "Invalid bytes"],
  ["an object of another shape", { hex: "00" }, "Invalid bytes"],
  ["base64 beside something else", { base64: "AP8H", hex: "00" }, "Invalid bytes"],
  ["base64 that is no string", { base64: 5 }, "Invalid bytes"],
  ["base64 with a stray character", { base64: "AP8*" }, "Invalid base64"],
  ["base64 cut short", { base64: "AP8" }, "Invalid base64"],
  ["base64 with padding in the middle", { base64: "A===AP8H" }, "Invalid base64"],
];

describe("bytes()", () => {
  test.each(accepted)("takes %s", (_, given, expected) => {
    expect(v.parse(bytes(), given)).toEqual(Uint8Array.from(expected));
  });

  test.each(refused)("refuses %s", (_, given, message) => {
    const result = v.safeParse(bytes(), given);
    expect(result.success).toBe(false);
    expect(result.issues?.[0]?.message).toStartWith(message);
  });

  test("what it yields shares no memory with what it was given", () => {
    const given = Uint8Array.of(1, 2, 3, 4).subarray(1, 3);
    const parsed = v.parse(bytes(), given);
    expect(parsed.buffer.byteLength).toBe(2);
    given[0] = 9;
    expect(parsed).toEqual(Uint8Array.of(2, 3));
  });
});
