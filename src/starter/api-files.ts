// The plugin API as files for an editor and for `bun test`: what `import … from "graft"` means there. In a node it means what is built in, so a
// copy that is older changes nothing there. They are the sources of the API; build.ts puts their text into the binary.
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** By name. */
export type Files = Readonly<Record<string, string>>;

/** In the compiled binary: JSON. */
declare const GRAFT_API_FILES: string;

export const apiFiles = (): Files =>
  Bun.isStandaloneExecutable ? (JSON.parse(GRAFT_API_FILES) as Files) : readApiFiles(join(import.meta.dir, "../.."));

const sources = ["api", "bytes", "snapshot-map", "frozen-views"];

/** @param root of a checkout of Graft, with its packages */
export function readApiFiles(root: string): Files {
  const text = (path: string): string => readFileSync(join(root, path), "utf8");
  const own = sources.map((name): [string, string] => [
    `${name}.ts`,
    withOwnFiles(text(`src/adapters/plugin/${name}.ts`)),
  ]);
  return {
    ...Object.fromEntries(own),
    "valibot.mjs": text("node_modules/valibot/dist/index.min.mjs"),
    "valibot.d.mts": text("node_modules/valibot/dist/index.d.mts"),
    "standard-schema.d.ts": text("node_modules/@standard-schema/spec/dist/index.d.ts"),
  };
}

/** Packages are files beside them. */
const withOwnFiles = (source: string): string =>
  source
    .replaceAll('from "valibot"', 'from "./valibot.mjs"')
    .replaceAll('from "@standard-schema/spec"', 'from "./standard-schema.d.ts"');
