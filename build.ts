// Compiles Graft into one binary: the program, the threads it starts, the plugins that ship with it and Bun itself.
// `bun run build` writes dist/graft; `bun build.ts ENTRY OUTFILE` compiles another entry the same way.
import { Glob } from "bun";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { version } from "./package.json";
import { armFailStop } from "./src/fail-stop.ts";
import { readApiFiles } from "./src/starter/api-files.ts";

const source = join(import.meta.dir, "src");

/** A thread's code is no part of the program's bundle: each is an entry point of its own, found by its name. */
const threads = [...new Glob("**/worker.ts").scanSync(source)].sort().map((path) => join(source, path));

/** Throws an AggregateError of everything the bundler has to say. */
export async function compile(entry: string, outfile: string): Promise<void> {
  const { outputs } = await Bun.build({
    entrypoints: [entry, ...threads],
    // Threads are looked for at their path below this folder.
    root: source,
    target: "bun",
    format: "esm",
    bytecode: true,
    // Names stay: they stand in stack traces and in the errors of plugins. The source map leads traces back to the source.
    minify: { whitespace: true, syntax: true, identifiers: false },
    sourcemap: "inline",
    // What `graft plugin new` writes for an editor: a string that is JSON.
    define: { GRAFT_API_FILES: JSON.stringify(JSON.stringify(readApiFiles(import.meta.dir))) },
    compile: {
      outfile,
      // A plugin finds its own node_modules by their package.json files.
      autoloadPackageJson: true,
      // What lies around in the working folder must not change how a consensus node runs.
      autoloadBunfig: false,
      autoloadDotenv: false,
      autoloadTsconfig: false,
    },
  });
  // The maps are in the binary; the copies beside it, of which threads share one, are not needed.
  const maps = outputs.filter((output) => output.kind === "sourcemap");
  await Promise.all(maps.map((map) => rm(map.path, { force: true })));
}

if (import.meta.main) {
  armFailStop();
  const [entry = join(source, "cli", "main.ts"), outfile = join(import.meta.dir, "dist", "graft")] = Bun.argv.slice(2);
  const beganMs = performance.now();
  await compile(entry, outfile);
  const megabytes = (Bun.file(outfile).size / 2 ** 20).toFixed(1);
  console.log(`${outfile}  ${megabytes} MiB  graft ${version}  ${Math.round(performance.now() - beganMs)} ms`);
}
