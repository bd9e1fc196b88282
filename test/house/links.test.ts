// Does every link of the pages lead somewhere? To a file that is there and, behind a #, to a heading of it.
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

const root = resolve(import.meta.dir, "../..");
const pages = ["*.md", "docs/**/*.md"].flatMap((place) => [...new Bun.Glob(place).scanSync({ cwd: root })]);
const withoutCode = (text: string): string => text.replace(/^```[^]*?^```$/gm, "");

/** As GitHub makes them of headings. */
function anchorsOf(page: string): readonly string[] {
  const headings = withoutCode(readFileSync(page, "utf8")).matchAll(/^#+ (.*)$/gm);
  return [...headings].map(([, title = ""]) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

/** The links of this text that lead nowhere, when it stands in `page`. */
function brokenLinks(text: string, page: string): readonly string[] {
  const links = [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target);
  return links.filter((link) => {
    if (/^[a-z]+:/.test(link)) return false;
    const [path = "", anchor] = link.split("#");
    const file = path === "" ? page : resolve(dirname(page), path);
    return !existsSync(file) || (anchor !== undefined && !anchorsOf(file).includes(anchor));
  });
}

test("a link of a page leads to a file and to a heading", () => {
  expect(pages.length).toBeGreaterThan(10);
  const broken = pages.map((name) => {
    const page = join(root, name);
    return [name, brokenLinks(readFileSync(page, "utf8"), page)] as const;
  });
  expect(broken.filter(([, links]) => links.length > 0)).toEqual([]);
});

test("a link to a file or to a heading that is not there is found", () => {
  const page = join(root, "docs/plugins.md");
  expect(brokenLinks("[a](nothing.md) [b](#nothing) [c](#begin) [d](operations.md#nothing)", page)).toEqual([
    "nothing.md",
    "#nothing",
    "operations.md#nothing",
  ]);
});
