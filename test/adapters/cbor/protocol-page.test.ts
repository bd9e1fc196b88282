// docs/protocol.md says what the code does: numbers, limits, codes and examples.
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { addressLengthMax } from "../../../src/core/address.ts";
import {
  entriesMax,
  frameBytesMax,
  frameDepthMax,
  frameLimits,
  labelLengthMax,
  membersMax,
  messageLengthMax,
  operationsMax,
  payloadBytesMax,
  stampMsMax,
  termMax,
  timeoutMsMax,
} from "../../../src/adapters/cbor/limits.ts";
import { allowedNames, type FrameContext, messageNumbers } from "../../../src/adapters/cbor/message-numbers.ts";
import { valueDepthMax, valueItemsMax, valueMapKeysMax } from "../../../src/adapters/cbor/value.ts";
import { names } from "./frame-generator.ts";
import { goldenFrames } from "./golden-frames.ts";

const page = readFileSync(join(import.meta.dir, "../../../docs/protocol.md"), "utf8");

/** The blocks of one language, comments of CDDL left out. */
const blocks = (language: string): string[] =>
  [...page.matchAll(new RegExp(`^ *\`\`\`${language}\\n([^]*?)^ *\`\`\``, "gm"))].map(([, text = ""]) =>
    text.replace(/;.*$/gm, ""),
  );

/** The cells of every line of the page's tables, without the marks of code. */
const rows = page
  .split("\n")
  .filter((line) => line.startsWith("| "))
  .map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll("`", "")),
  );

const schema = blocks("cddl").join("\n");

test.each(names)("%s has its line in the table of messages and its rule in the schema", (name) => {
  const number = String(messageNumbers[name]);
  const shortName = name.replace(
    /(?<=command|query|status|configuration|describe|Leadership|stop|Session|changeMembership|[bB]ackup|rollOut|skip)Request$|(?<=result|error|status|configuration|describe|done|Opened|Changed|Plan|Ready|Piece|rolledOut|skipped)Reply$/,
    "",
  );
  expect(rows.filter((row) => row[0] === number).map((row) => row[1])).toEqual([shortName]);
  expect(schema).toMatch(new RegExp(`\\[${number}\\b`));
});

test("the page has no message that the code does not have", () => {
  const numbered = rows.filter((row) => row.length === 4 && /^\d+$/.test(row[0] ?? "")).map((row) => Number(row[0]));
  expect(numbered).toEqual(Object.values(messageNumbers));
  const inSchema = [...schema.matchAll(/\[(\d+)(?:, ?(?=[a-z\n])|\])/g)].map(([, number]) => Number(number));
  expect(inSchema.filter((number) => number > 1)).toEqual(
    Object.values(messageNumbers).flatMap((number) =>
      number === 1 ? [] : number === 15 ? [15, 15, 15, 15, 15] : number === 25 ? [25, 25] : [number],
    ),
  );
});

test.each(names)("the limits of %s are those of the page", (name) => {
  const row = rows.find((each) => each[0] === name && each.length === 3);
  expect(row?.slice(1).map(Number)).toEqual([frameLimits[name].bytesMax, frameLimits[name].itemsMax]);
});

test.each<readonly [string, number]>([
  ["a frame before the hellos", frameBytesMax("hello")],
  ["a frame between nodes", frameBytesMax("peer")],
  ["a frame between nodes, on a connection for bulk", frameBytesMax("bulk")],
  ["a frame to a node from a client", frameBytesMax("request")],
  ["a frame to a client", frameBytesMax("reply")],
  ["payload of a command, a query, a result, an entry", payloadBytesMax],
  ["entries in one appendEntries", entriesMax],
  ["members of a configuration", membersMax],
])("%s is limited as the page says", (what, max) => {
  expect(rows.find((row) => row[0] === what)?.[1]).toStartWith(String(max));
});

test.each<readonly [string, number]>([
  ["term        = 0..", termMax],
  ["term-held   = 1..", termMax],
  ["stamp-ms    = 0..", stampMsMax],
  ["timeout-ms = 0..", timeoutMsMax],
  ["entries: [0*", entriesMax],
  ["nodes: [0*", membersMax],
  ["commands: [0*", operationsMax],
])("the schema's range %s is the code's", (start, max) => {
  const [, found] = new RegExp(`${RegExp.escape(start)}(\\d+)`).exec(schema) ?? [];
  expect(Number(found)).toBe(max);
});

test("the limits that stand in sentences are the code's", () => {
  const text = page.replace(/\s+/g, " ");
  expect(text).toContain(`at most ${labelLengthMax} UTF-16`);
  expect(text).toContain(`at most ${messageLengthMax} UTF-16`);
  expect(text).toContain(`at most ${addressLengthMax} characters`);
  expect(text).toContain(`no deeper than ${frameDepthMax} arrays`);
  expect(text).toContain(`up to ${valueDepthMax} arrays and maps within each other`);
  expect(text).toContain(`up to ${valueItemsMax} items`);
  expect(text).toContain(`at most ${valueMapKeysMax} keys`);
});

test.each<readonly [rule: string, context: FrameContext, span: string]>([
  ["node ← node", "peer", "messages 10–27, 96–101"],
  ["node ← node, bulk", "bulk", "messages 28–30"],
  ["node ← client", "request", "requests 32–45"],
  ["client ← node", "reply", "replies 64–76"],
])("who may send what: %s is the code's", (rule, context, span) => {
  const row = rows.find((each) => each[0] === rule);
  expect(row?.[1]).toBe(allowedNames.hello.join(", "));
  expect(row?.[2]).toEndWith(span);
  expect(row?.[2]?.startsWith("refused")).toBe(allowedNames[context].includes("refused"));
  const spans = [...span.matchAll(/(\d+)(?:–(\d+))?/g)].map(([, first, last = first]) => [Number(first), Number(last)]);
  const inSpan = names.filter((name) =>
    spans.some(([first = 0, last = 0]) => messageNumbers[name] >= first && messageNumbers[name] <= last),
  );
  const beyondRefused = new Set(allowedNames[context]).difference(new Set(["refused"]));
  expect(beyondRefused).toEqual(new Set(inSpan));
});

test("the examples are frames as they are sent", () => {
  const examples = blocks("hex").map((text) => text.replace(/\s+/g, ""));
  expect(examples.length).toBeGreaterThan(3);
  const sent = Object.values(goldenFrames).map((golden) => golden.hex);
  for (const example of examples) expect(sent).toContain(example);
});
