// Who may import whom, type-only imports included. dependency-cruiser enforces this table (`bun run imports`), and
// test/house/import-rules.test.ts plants violations to see that it does. A layer that is not in the table may not
// exist. What a file may say within its layer is left to the linter.
import type { IConfiguration, IRegularForbiddenRuleType } from "dependency-cruiser";

interface Layer {
  /** Where the layer lives: folders, which end in a slash, or files. */
  readonly at: readonly string[];
  /** The layers that it may import, by name. A layer may always import itself. */
  readonly uses?: readonly string[];
  /** The layers of which it may import types and nothing that runs. */
  readonly typesOf?: readonly string[];
  /** The npm packages that it may import. */
  readonly libraries?: readonly string[];
  /** Whether it may import modules of the platform, such as `node:fs` and `bun:sqlite`. */
  readonly platform?: boolean;
}

/** What a state machine may be written with: any library of Standard Schema, of which Graft brings one. */
const pluginLibraries = ["@standard-schema/spec", "valibot"];

const adapters: Readonly<Record<string, Layer>> = {
  cbor: adapter("cbor", { libraries: ["cbor-x"] }),
  certs: adapter("certs", { libraries: ["@peculiar/x509", "reflect-metadata", "smol-toml"] }),
  // A logger's last line leaves by the platform's way for last words.
  consola: adapter("consola", { uses: ["system"], libraries: ["consola"] }),
  files: adapter("files", {}),
  plugin: adapter("plugin", { uses: ["cbor", "plugins", "sessions"], libraries: pluginLibraries }),
  process: adapter("process", { uses: ["cbor", "plugin", "sessions"] }),
  sqlite: adapter("sqlite", {}),
  system: adapter("system", {}),
  tls: adapter("tls", { uses: ["cbor"] }),
};

const inner: Readonly<Record<string, Layer>> = {
  core: { at: ["src/core/"] },
  // The words of the core, and the small pure functions that belong to a word, such as `nodeIdOf`.
  vocabulary: {
    at: ["activation", "address", "configuration", "copy-word", "entry", "genesis", "log-position", "name"].map(
      (word) => `src/core/${word}.ts`,
    ),
  },
  // The table of the clients' sessions: beside the state machine, since it is part of what a snapshot of that holds.
  sessions: { at: ["src/core/sessions.ts", "src/core/session-limits.ts"], typesOf: ["core"] },
  ports: { at: ["src/ports/"], typesOf: ["core", "errors"] },
  errors: { at: ["src/errors.ts"], typesOf: ["core"] },
  version: { at: ["src/version.ts", "package.json"] },
  node: { at: ["src/node/"], uses: ["core", "ports", "errors"] },
  client: {
    at: ["src/client/"],
    uses: ["cbor", "tls", "errors", "vocabulary"],
    // What a plugin's author declares is what the compiler checks the plugin's client against.
    typesOf: ["ports", "publicApi"],
    platform: true,
  },
  config: {
    at: ["src/config/"],
    // How an identity is read from a certificate stands in one place, with those who check the other side's.
    uses: ["errors", "tls", "vocabulary"],
    typesOf: ["core"],
    libraries: ["smol-toml", "toml-eslint-parser"],
    platform: true,
  },
  ...adapters,
  publicApi: {
    ...adapter("plugin", { uses: ["plugin"], libraries: pluginLibraries }),
    at: ["src/adapters/plugin/api.ts"],
  },
  plugins: { at: ["plugins/"], uses: ["publicApi"], platform: true },
  // How a process ends that has failed: one path for all programs.
  failStop: { at: ["src/fail-stop.ts"], uses: ["system"], platform: true },
};

const layers: Readonly<Record<string, Layer>> = {
  ...inner,
  compose: {
    at: ["src/compose.ts", "src/compose-offline.ts", "src/compose-replay.ts"],
    uses: Object.keys(inner),
    platform: true,
  },
  // Clusters made of processes on this machine, for the command line, the benches and the tests alike.
  local: {
    at: ["src/local/"],
    uses: ["certs", "client", "errors"],
    libraries: ["smol-toml"],
    platform: true,
  },
  // Whole nodes in one process, from one seed. It stands in for what surrounds them: time, network, disk and threads.
  sim: {
    at: ["src/sim/"],
    // Snapshots in memory have the same bytes as those in files, and log lines are held back as in the process.
    uses: ["core", "ports", "errors", "node", "client", "cbor", "files", "plugin", "consola"],
    platform: true,
  },
  // A plugin on generated commands, in several ways. It draws inputs and writes states down as the simulation does.
  check: {
    at: ["src/check/"],
    uses: ["ports", "errors", "client", "cbor", "plugin", "process", "sim"],
    libraries: ["fast-check"],
    platform: true,
  },
  // The files of a new plugin.
  starter: { at: ["src/starter/"], platform: true },
  cli: {
    at: ["src/cli/"],
    uses: [
      "compose",
      "local",
      "check",
      "sim",
      "starter",
      "client",
      "config",
      "errors",
      "version",
      "vocabulary",
      "failStop",
    ],
    libraries: ["citty", "consola", "@bomb.sh/tab"],
    platform: true,
  },
};

/** An adapter wraps one library or facility of the platform behind a port. */
function adapter(name: string, more: Omit<Layer, "at">): Layer {
  return {
    at: [`src/adapters/${name}/`],
    uses: ["ports", "errors", "vocabulary", ...(more.uses ?? [])],
    typesOf: ["core"],
    libraries: more.libraries ?? [],
    platform: true,
  };
}

const patternOf = (path: string): string => `^${path.replaceAll(".", "\\.")}${path.endsWith("/") ? "" : "$"}`;
const layerPatterns = (name: string): string[] => (layers[name]?.at ?? []).map(patternOf);

/** At most two rules a layer: what it may import at all, and what of that only for its types. */
function rulesOf([name, layer]: [string, Layer]): IRegularForbiddenRuleType[] {
  const { uses = [], typesOf = [], libraries = [], platform = false } = layer;
  const from = { path: layer.at.map(patternOf) };
  const runs = [...from.path, ...uses.flatMap(layerPatterns)];
  const types = typesOf.flatMap(layerPatterns);
  const packages = libraries.map((library) => `^node_modules/${library}/`);
  return [
    {
      name: `${name}-imports`,
      severity: "error",
      comment: `${name} may import ${[name, ...uses, ...typesOf, ...libraries].join(", ")}${platform ? " and the platform" : ""}`,
      from,
      to: { pathNot: [...runs, ...types, ...packages], ...(platform ? { dependencyTypesNot: ["core"] } : {}) },
    },
    {
      name: `${name}-types-only`,
      severity: "error",
      comment: `${name} may import types, and nothing that runs, of ${typesOf.join(", ")}`,
      from,
      to: {
        path: types.length > 0 ? types : "^$",
        pathNot: runs,
        dependencyTypesNot: ["type-only", "type-import"],
      },
    },
  ];
}

const houseRules: IRegularForbiddenRuleType[] = [
  {
    name: "nothing-imports-cli",
    severity: "error",
    comment: "The command line is the outermost layer; what others need of it belongs elsewhere",
    from: { pathNot: ["^src/cli/", "^test/"] },
    to: { path: "^src/cli/" },
  },
  {
    name: "plugins-use-the-public-api",
    severity: "error",
    comment: 'A shipped plugin sees what any plugin sees: `import … from "graft"`',
    from: { path: "^plugins/" },
    to: { path: "^(src|test|bench)/", dependencyTypesNot: ["aliased-tsconfig-paths"] },
  },
  {
    name: "nothing-shipped-imports-tests",
    severity: "error",
    comment: "Tests and benches look at the product, never the other way round",
    from: { path: "^(src|plugins)/" },
    to: { path: "^(test|bench)/" },
  },
  {
    name: "no-circles",
    severity: "error",
    comment: "A type that two files need of each other belongs in the one that the other builds on, or in a third",
    from: {},
    to: { circular: true },
  },
  {
    name: "layer-unknown",
    severity: "error",
    comment: "Every file in src belongs to a layer of the table in import-rules.ts",
    from: { path: "^src/", pathNot: Object.keys(layers).flatMap(layerPatterns) },
    to: {},
  },
  {
    name: "unresolved",
    severity: "error",
    comment: "An import that leads nowhere",
    from: {},
    to: { couldNotResolve: true },
  },
];

const configuration: IConfiguration = {
  forbidden: [...Object.entries(layers).flatMap(rulesOf), ...houseRules],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: ["node_modules"] },
    enhancedResolveOptions: {
      conditionNames: ["import", "bun", "node", "default", "types"],
      exportsFields: ["exports"],
    },
  },
};

export default configuration;
