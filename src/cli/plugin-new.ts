// `graft plugin new NAME`: writes the folder of a new plugin. What is in it is src/starter.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { GraftError } from "../errors.ts";
import { faultOfPluginName, starterFiles } from "../starter/starter.ts";
import { version } from "../version.ts";
import { answerFlags } from "./answer-flags.ts";
import { command } from "./command.ts";

export const pluginNew = command({
  summary: "Write a small plugin with a test",
  details: [
    "Writes a folder NAME: a typed state machine with snapshots, a test for bun test, the types of the plugin API for your editor, and a README. Nothing has to be installed.",
  ],
  args: {
    name: { type: "positional", required: true, description: "the name of the plugin and of its folder" },
    ...answerFlags,
  },
  examples: [["graft plugin new stock", "write the folder stock with stock.ts and stock.test.ts"]],
  async run({ name }, { output }) {
    const fault = faultOfPluginName(name);
    if (fault !== null) {
      throw new GraftError("usage", `NAME ${JSON.stringify(name)}: ${fault}; for instance: graft plugin new stock`);
    }
    if (existsSync(name)) {
      throw new GraftError("usage", `${name} exists already; choose another name, or remove it first`);
    }
    const files = starterFiles(name, version);
    for (const [path, text] of Object.entries(files)) write(join(name, path), text);
    const written = Object.keys(files).map((path) => join(name, path));
    await output.answer({ name, written }, (paint) =>
      [
        `${name}/ has ${name}.ts, ${name}.test.ts, a README.md and the plugin API for your editor`,
        "",
        paint("bold", "Next:"),
        `  cd ${name}`,
        "  bun test",
        "  graft plugin check .",
        "  graft dev --plugin .",
      ].join("\n"),
    );
  },
});

function write(file: string, text: string): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text, { flag: "wx" });
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    const message = `${file} cannot be written in ${process.cwd()} (${code}); go to a folder where you may write, or choose another NAME`;
    throw new GraftError("storage", message, { cause });
  }
}
