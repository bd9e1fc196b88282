// What has gone wrong in other Raft systems has a number here, and a test that carries it in its title: `P11: a conflict
// alone truncates`. This page knows which numbers must have one; what each says, its test says.
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";

/** The numbers that the system claims to have in hand. P28: no lock ships with Graft, and reads rest on no lease. */
const claimed: readonly number[] = [
  1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32,
  33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62,
  63, 64, 65, 66, 67, 68, 71, 72, 73, 75,
];

const folder = resolve(import.meta.dir, "..");

/** `P5: …`, `P5 …` and `P5, P6: …` at the start of a test's or a chapter's title. */
const titles = /\b(?:test|describe|it)(?:\.\w+(?:\([^)]*\))?)*\(\s*["'`]((?:P\d+\b[,:\s]*(?:and\s+)?)+)/g;

function numbersIn(text: string): number[] {
  return [...text.matchAll(titles)].flatMap(([, head = ""]) => (head.match(/\d+/g) ?? []).map(Number));
}

const carried = new Set(
  [...new Bun.Glob("**/*.ts").scanSync({ cwd: folder })]
    .filter((file) => !file.startsWith("house/"))
    .flatMap((file) => numbersIn(readFileSync(join(folder, file), "utf8"))),
);

test("every pitfall that is claimed has a test that carries its number", () => {
  expect(claimed.filter((number) => !carried.has(number)).map((number) => `P${number}`)).toEqual([]);
});

test("a number in a title is found, and one that is only mentioned is not", () => {
  expect(numbersIn(`test("P5: by term first", () => {});`)).toEqual([5]);
  expect(numbersIn("test.each(rows)(`P7 dead ends`, () => {});")).toEqual([7]);
  expect(numbersIn(`describe(\n  "P2, P3: the vote", () => {`)).toEqual([2, 3]);
  expect(numbersIn(`// as in P9\ntest("a vote is kept (P4)", () => {});`)).toEqual([]);
});
