// What the house asks of its files and no linter can say. Each rule lists the files that break it, so that a failure
// reads as a list of what to mend.
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";

const root = resolve(import.meta.dir, "../..");
const places = ["*.ts", "src/**/*.ts", "plugins/**/*.{ts,js}", "test/**/*.{ts,js}", "bench/**/*.ts"];
const files = places
  .flatMap((place) => [...new Bun.Glob(place).scanSync({ cwd: root })])
  .filter((file) => !file.includes("node_modules/"))
  .toSorted();
const sources = files.filter((file) => file.startsWith("src/"));
const textOf = (file: string): string => readFileSync(join(root, file), "utf8");

/** This file states rules about words, and so contains them. */
const others = files.filter((file) => file !== "test/house/style.test.ts");
const vagueNames = /^(utils?|helpers?|common|manager|misc|shared|stuff)(\.|$)/;

test("there are files to look at", () => {
  expect(sources.length).toBeGreaterThan(20);
});

test("a file opens by saying which question it answers", () => {
  expect(files.filter((file) => !/^(#!.*\n)?\/[/*]/.test(textOf(file)))).toEqual([]);
});

test("no file is longer than 400 lines", () => {
  expect(files.filter((file) => textOf(file).trimEnd().split("\n").length > 400)).toEqual([]);
});

test("nothing is left for later", () => {
  expect(others.filter((file) => /\b(TODO|FIXME|XXX)\b/.test(textOf(file)))).toEqual([]);
});

test("no test is switched off, and none switches the others off", () => {
  const disabled = /\b(test|it|describe)\.(skip|only|todo)\b/;
  expect(others.filter((file) => disabled.test(textOf(file)))).toEqual([]);
});

test("no file or folder has a name that could hold anything", () => {
  expect(files.filter((file) => file.split("/").some((part) => vagueNames.test(part)))).toEqual([]);
});

test("no layer hides behind a barrel", () => {
  expect(sources.filter((file) => basename(file) === "index.ts")).toEqual([]);
});

test("a linter's rule is switched off only with its reason", () => {
  const bare = /(?:oxlint|eslint)-disable(?!.* -- \S)/;
  expect(others.filter((file) => bare.test(textOf(file)))).toEqual([]);
});

/** While a top-level await is pending Bun prints what nothing catches, and goes on. */
test("P58: a program that awaits at its top level ends when something is thrown that nothing catches", () => {
  const awaitsAtTop = /^(?:(?:const|let) .*= )?await |^(?:for|try|if|while)\b.*\{\n(?: {2}.*\n)*? +.*\bawait /m;
  const programs = files.filter((file) => !/^(src|test|plugins)\//.test(file) && awaitsAtTop.test(textOf(file)));
  expect(programs).toContain("demo.ts");
  expect(programs.length).toBeGreaterThan(5);
  expect(programs.filter((file) => !/^ *armFailStop\(\);$/m.test(textOf(file)))).toEqual([]);
  expect(awaitsAtTop.test(textOf("src/cli/main.ts"))).toBe(false);
});
