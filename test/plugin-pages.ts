// The pages for authors of plugins, as tests read them: which files do they show, and what do their changes make of a file?
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** A block of code of a page, with what the page calls it. */
export interface Block {
  readonly language: string;
  readonly text: string;
}

const pages = ["plugins", "plugins-reference", "plugins-rules"] as const;

/** All blocks of a page, in order. */
export function blocksOf(page: (typeof pages)[number]): readonly Block[] {
  const text = readFileSync(join(import.meta.dir, `../docs/${page}.md`), "utf8");
  return [...text.matchAll(/^```(\w*)\n([^]*?)^```$/gm)].map(([, language = "", code = ""]) => ({
    language,
    text: code,
  }));
}

/** The TypeScript of all pages: each block begins with the name of its file. */
export const shownFiles: readonly Block[] = pages.flatMap(blocksOf).filter(({ language }) => language === "ts");

/** The name in the first line of a block of code or of changes. Throws `RangeError` when there is none. */
export function fileNameOf({ text }: Block): string {
  const name = /^ ?\/\/ (\S+)\n/.exec(text)?.[1];
  if (name === undefined) throw new RangeError(`a block begins without the name of its file: ${text.slice(0, 80)}`);
  return name;
}

/** The file with the changes of a block: parts with an empty line between them, each of which has one place. Throws `RangeError`. */
export function changedBy({ text }: Block, file: string): string {
  const parts = text.slice(text.indexOf("\n") + 1).split(/\n\n(?=[ +-])/);
  return parts.reduce((before, part) => {
    const lines = part.trimEnd().split("\n");
    const without = (sign: string): string =>
      lines
        .filter((line) => line[0] !== sign)
        .join("\n")
        .replace(/^[ +-]/gm, "");
    const [start, end, ...more] = before.split(`${without("+")}\n`);
    if (end === undefined || more.length > 0) throw new RangeError(`a change has not one place in the file: ${part}`);
    return `${start}${without("-")}\n${end}`;
  }, file);
}
