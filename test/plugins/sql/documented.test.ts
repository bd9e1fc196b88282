// The page about sql names everything that is refused or replicated by name.
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import {
  dateFunctions,
  machineFunctions,
  refusedFunctions,
  refusedStatements,
  refusedTables,
  refusedWords,
  replicatedFunctions,
} from "../../../plugins/sql/refused-names.ts";

const page = await Bun.file(join(import.meta.dir, "../../../docs/sql.md")).text();
const rows = page.split("\n").filter((line) => line.startsWith("| "));
const named = new Set(rows.flatMap((row) => row.split("|")[1]!.match(/\w+/g) ?? []).map((word) => word.toLowerCase()));

describe("docs/sql.md names", () => {
  test.each([
    ["each statement that is refused", [...refusedStatements.keys()]],
    ["each word that is refused", [...refusedWords.keys()]],
    ["each function that is refused", [...refusedFunctions.keys()]],
    ["each function of which the last digit depends on the machine", [...machineFunctions]],
    ["each table that is refused", [...refusedTables]],
    ["each function that takes replicated values", [...replicatedFunctions, ...dateFunctions.keys()]],
  ] as const)("%s", (_, names) => {
    expect(names.filter((name) => !named.has(name.toLowerCase()))).toEqual([]);
  });
});
