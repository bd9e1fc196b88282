// Every transcript belongs to a story: one whose story was renamed or removed is found here.
import { expect, test } from "bun:test";
import { Glob } from "bun";

test("no transcript is left over from a story that is no longer told", async () => {
  const folder = import.meta.dir;
  const tests = await Promise.all(
    [...new Glob("*.test.ts").scanSync(folder)].map((name) => Bun.file(`${folder}/${name}`).text()),
  );
  const told = new Set(
    tests.flatMap((source) => [...source.matchAll(/story\(\s*"([^"]+)"/g)].map(([, name]) => `${name}.txt`)),
  );
  expect([...new Glob("*.txt").scanSync(folder)].sort()).toEqual([...told].sort());
});
