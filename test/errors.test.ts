// What an error says of the data, and what it advises, for every code and every kind of request: no two sentences of one error
// may contradict each other. That each place uses the code that is true there is the matter of the places' own tests.
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Effect, type ErrorCode, errorCodes, GraftError, type Subject, subjects } from "../src/errors.ts";

const pairs: readonly (readonly [ErrorCode, Subject])[] = subjects.flatMap((subject) =>
  errorCodes.map((code) => [code, subject] as const),
);

const changesNothing: readonly Subject[] = ["query", "preparation", "inspection", "backup"];

/** What a sentence claims of the request. */
const claims: readonly (readonly [Effect, RegExp])[] = [
  [
    "none",
    /did not take effect|never will|\bwas not (?:sent|changed|stopped|skipped|handed over)|nothing was|changes nothing|stays as it is/i,
  ],
  [
    "done",
    /^(?:The request|The command) took effect|^The membership was changed|^Leadership was handed|^The version was made|^The entry was skipped|^The node was told/,
  ],
  ["unknown", /\bmay\b/],
];

const claimed = (text: string): readonly Effect[] =>
  claims.flatMap(([effect, pattern]) => (text.split(/(?<=[.:]) /).some((each) => pattern.test(each)) ? [effect] : []));

describe("P73: an error says one thing", () => {
  test.each(pairs)("%s of a %s", (code, subject) => {
    const { effect, meaning, next } = new GraftError(code, "x", { subject });
    // What the disk has is in the message of each failure of a disk.
    if (code !== "storage") expect(claimed(meaning)).toEqual([effect]);
    expect(claimed(next)).toEqual([]);
    if (changesNothing.includes(subject)) expect(effect).toBe("none");
    if (effect === "none") expect(next).not.toMatch(/do not send/i);
    if (effect === "done") expect(next).toMatch(/^(?:Do not send it again|Look|See)/);
    if (effect === "unknown" && code !== "storage") expect(next).toMatch(/^(?:Do not send it again|Look|See|Read)/);
  });

  test.each(pairs)("%s of a %s has all three parts, in whole sentences of at most 25 words", (code, subject) => {
    const { message, meaning, next } = new GraftError(code, "what happened", { subject });
    expect(message).toBe("what happened");
    for (const text of [meaning, next]) {
      expect(text).toMatch(/^[A-Z].*[.R]$/);
      for (const sentence of text.split(/(?<=\.) /)) expect(sentence.split(" ").length).toBeLessThanOrEqual(25);
    }
  });

  test("no status is advised to a client that was given none", () => {
    const { next } = new GraftError("unavailable", "x", { subject: "inspection" });
    expect(next).not.toContain("graft cluster status");
    expect(next).toContain("-c, GRAFT_CLUSTER or graft.toml");
  });

  test("only these codes leave in doubt whether a command took effect, and only one says that it did", () => {
    const ofEffect = (effect: Effect): readonly ErrorCode[] =>
      errorCodes.filter((code) => new GraftError(code, "x", { subject: "command" }).effect === effect);
    expect(ofEffect("unknown")).toEqual(["apply-failed", "outcome-unknown", "storage"]);
    expect(ofEffect("done")).toEqual(["result-lost"]);
  });
});

test("the page of the protocol says of every code what it means for a command", () => {
  const page = readFileSync(resolve(import.meta.dir, "../docs/protocol.md"), "utf8");
  const words: Readonly<Record<string, Effect>> = { no: "none", "**yes**": "done", "**unknown**": "unknown" };
  const listed = [...page.matchAll(/^\| `([a-z-]+)` +\| (no|\*\*yes\*\*|\*\*unknown\*\*) +\|/gm)];
  const local: readonly ErrorCode[] = ["config", "plugin", "storage", "damaged", "usage", "wrong-cluster"];
  const crossing = errorCodes.filter((code) => !local.includes(code));
  expect(new Map(listed.map(([, code = "", word = ""]) => [code, words[word]]))).toEqual(
    new Map(crossing.map((code) => [code, new GraftError(code, "x", { subject: "command" }).effect])),
  );
});

test("an error of one request may be told as that of another, with what it carries", () => {
  const cause = new Error("why");
  const leader = { id: "n1", address: "a:1" };
  const told = new GraftError("not-leader", "x", { cause, leader }).about("change");
  expect(told).toMatchObject({
    code: "not-leader",
    message: "x",
    cause,
    leader,
    meaning: "The membership was not changed.",
  });
  expect(told.about("change")).toBe(told);
});

describe("the place of an error says what happened and leaves the meaning to errors.ts", () => {
  const source = resolve(import.meta.dir, "../src");
  const files = ["node", "client", "adapters/tls", "adapters/cbor"].flatMap((layer) =>
    [...new Bun.Glob(`${layer}/*.ts`).scanSync({ cwd: source })].sort(),
  );
  const foreign =
    /nothing (?:happened|was (?:changed|lost|done))|took effect|take effect|taken effect|not taken|try again/i;

  test.each(files)("%s", (file) => {
    const code = readFileSync(join(source, file), "utf8")
      .replace(/^\s*(?:\/\/|\/?\*).*$/gm, "")
      .replace(/ \/\/ .*$/gm, "");
    expect(code.match(foreign)).toBeNull();
  });
});
