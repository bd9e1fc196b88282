// What does a new plugin consist of? A small typed state machine with snapshots, a test, the plugin API for the editor, and what to do next.
import { apiFiles, type Files } from "./api-files.ts";
import { platformTypes } from "./platform-types.ts";

/** Why this is no name for a plugin; null: it is one. */
export function faultOfPluginName(name: string): string | null {
  if (name.length > nameLengthMax) return `it is longer than ${nameLengthMax} characters`;
  if (!/^[a-z][a-z0-9-]*$/.test(name))
    return "it may have small letters, digits and hyphens only, and begins with a letter";
  if (reserved.includes(name)) return "a plugin of this name ships with Graft, or the folder has files of this name";
  return null;
}

const nameLengthMax = 64;
/** The plugins that ship, and the folder of the API. */
const reserved = ["kv", "counter", "lock", "queue", "graft"];

/** By path in the folder of the plugin. `version`: of Graft. */
export function starterFiles(name: string, version: string): Files {
  const api = Object.entries(apiFiles()).map(([file, text]) => [`graft/${file}`, text]);
  return {
    [`${name}.ts`]: pluginText(name),
    [`${name}.test.ts`]: testText(name),
    "package.json": `${JSON.stringify({ name, version: "1.0.0", private: true, type: "module", main: `${name}.ts` }, null, 2)}\n`,
    "tsconfig.json": configurationText,
    "README.md": readmeText(name, version),
    "graft/platform.d.ts": platformTypes,
    ...(Object.fromEntries(api) as Files),
  };
}

const pluginText = (
  name: string,
): string => `// A list of tasks. Each node runs every command in the same order, so a command may use the state, its input and ctx only.
import { defineStateMachine, Rejected, SnapshotMap, v } from "graft";

const Title = v.pipe(v.string(), v.nonEmpty(), v.maxLength(200));

export default defineStateMachine({
  name: "${name}",
  // Raise it whenever the same commands could lead to another state or another answer.
  version: "1.0.0",
  create: () => ({ done: 0, tasks: new SnapshotMap<string, { readonly sinceMs: number }>() }),

  // The state as items, frozen before the function returns, and how each item is put back.
  snapshot: ({ done, tasks }): Iterable<number | readonly [string, { readonly sinceMs: number }]> => {
    const frozen = tasks.snapshot();
    return (function* () {
      yield done;
      yield* frozen;
    })();
  },
  restore(state, item) {
    if (typeof item === "number") state.done = item;
    else state.tasks.set(item[0], item[1]);
  },

  commands: {
    add: {
      input: v.object({ title: Title }),
      apply({ tasks }, { title }, ctx) {
        // Check first, then change: a refusal takes nothing back.
        if (tasks.has(title)) throw new Rejected(\`\${title} is on the list\`);
        tasks.set(title, { sinceMs: ctx.timeMs });
        return { open: tasks.size };
      },
    },
    finish: {
      input: v.object({ title: Title }),
      apply(state, { title }) {
        if (!state.tasks.delete(title)) throw new Rejected(\`\${title} is not on the list\`);
        state.done += 1;
        return { done: state.done };
      },
    },
  },

  queries: {
    open: {
      input: v.object({}),
      answer: ({ tasks }) => [...tasks.keys()],
    },
  },
});
`;

const testText = (name: string): string => `// Calls the handlers as a node does: bun test
import { expect, test } from "bun:test";
import { Rejected, type ApplyContext } from "graft";
import plugin from "./${name}.ts";

const { add, finish } = plugin.commands;
const { open } = plugin.queries;
const ctx: ApplyContext = { index: 1, term: 1, timeMs: 1000, random: () => 0.5, wakeAt: () => {} };

test("a task is on the list until it is finished", () => {
  const state = plugin.create();
  expect(add.apply(state, { title: "write" }, ctx)).toEqual({ open: 1 });
  expect(open.answer(state, {}, ctx)).toEqual(["write"]);
  expect(finish.apply(state, { title: "write" }, ctx)).toEqual({ done: 1 });
  expect(open.answer(state, {}, ctx)).toEqual([]);
});

test("a command that cannot be done is rejected, and changes nothing", () => {
  const state = plugin.create();
  expect(() => finish.apply(state, { title: "write" }, ctx)).toThrow(Rejected);
  expect(state.done).toBe(0);
});

test("a restored state is the state of the snapshot", () => {
  const state = plugin.create();
  for (const title of ["write", "test", "ship"]) add.apply(state, { title }, ctx);
  finish.apply(state, { title: "write" }, ctx);
  const restored = plugin.create();
  for (const item of plugin.snapshot?.(state) ?? []) plugin.restore?.(restored, item);
  expect(open.answer(restored, {}, ctx)).toEqual(["test", "ship"]);
  expect(restored.done).toBe(1);
});
`;

const configurationText = `{
  "compilerOptions": {
    "target": "ESNext",
    "lib": ["ESNext"],
    "module": "Preserve",
    "moduleResolution": "bundler",
    "strict": true,
    "skipLibCheck": true,
    "allowImportingTsExtensions": true,
    "noEmit": true,
    "types": [],
    "paths": { "graft": ["./graft/api.ts"] }
  }
}
`;

const readmeText = (name: string, version: string): string => `# ${name}

A state machine for Graft, in \`${name}.ts\`. Run these in this folder:

- \`bun test\`: the tests in \`${name}.test.ts\`
- \`graft plugin check .\`: generated commands, run in several ways that must come to the same
- \`graft sim --plugin .\`: whole nodes that crash, with networks and disks that fail
- \`graft dev --plugin .\`: a cluster of three nodes on this machine

\`graft/\` is the plugin API of graft ${version}, for the editor and for \`bun test\`. A node uses the API that is built into it.
`;
