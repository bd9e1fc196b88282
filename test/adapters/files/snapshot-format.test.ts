// The bytes of format 3, as other versions of Graft wrote and will read them. A change here needs another format number.
import { expect, test } from "bun:test";
import { encodeEnd, encodeFrame, encodeHeader, encodePreamble } from "../../../src/adapters/files/snapshot-format.ts";
import { SnapshotParser } from "../../../src/adapters/files/snapshot-parser.ts";
import type { SnapshotHeader } from "../../../src/ports/snapshot-store.ts";

const headerText =
  '{"clusterUuid":"u","cluster":"c","position":{"index":7,"term":2},"stampMs":5,"chain":9,' +
  '"configuration":{"position":{"index":1,"term":1},"configuration":{"members":[{"key":"n1@a","address":"h:1",' +
  '"priority":0}],"voters":["n1@a"],"outgoing":[],"leaving":[],"pending":[]}},"activation":{"position":{"index":2,"term":1},"plugin":{"name":"kv",' +
  '"version":"1","hash":"ab"},"replaces":false},"plugin":{"name":"kv","version":"1"}}';
const header = JSON.parse(headerText) as SnapshotHeader;

/** Each frame with its checksum at its end. */
const written = {
  preamble: `${Buffer.from("GRAFTSNP").toString("hex")}00000003`,
  header: `01000001a3${Buffer.from(headerText).toString("hex")}0019ed5da895620c`,
  chunk: ["0200000003", "010203", "00080ec3e0fff13f"].join(""),
  end: ["0300000010", "0000000000000001", "0000000000000003", "001cb68a4a20b675"].join(""),
};

test("the header is written field by field, without what the object carries beside", () => {
  const more = { ...header, later: 1 };
  expect(new TextDecoder().decode(encodeHeader(more))).toBe(headerText);
});

test("a file of the format has these bytes, and is read", () => {
  const ofHeader = encodeFrame(0, 1, encodeHeader(header));
  const ofChunk = encodeFrame(ofHeader.checksum, 2, Uint8Array.of(1, 2, 3));
  const ofEnd = encodeFrame(ofChunk.checksum, 3, encodeEnd(1, 3));
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
  expect({
    preamble: hex(encodePreamble()),
    header: hex(ofHeader.bytes),
    chunk: hex(ofChunk.bytes),
    end: hex(ofEnd.bytes),
  }).toEqual(written);
  const parser = new SnapshotParser();
  expect(parser.push(Buffer.from(Object.values(written).join(""), "hex"))).toEqual([Uint8Array.of(1, 2, 3)]);
  parser.finish();
  expect([parser.header, parser.checksum]).toEqual([header, ofEnd.checksum]);
});
