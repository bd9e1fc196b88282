// Who may import whom, type-only imports included. dependency-cruiser enforces this table (`bun run imports`), and
// test/house/import-rules.test.ts plants violations to see that it does. A layer that is not in the table may not
// exist. What a file may say within its layer is left to the linter.
import type { IConfiguration, IRegularForbiddenRuleType } from "dependency-cruiser";

interface Layer {
  /** Where the layer lives: a folder, which ends in a slash, or one file. */
  readonly at: string;
  /** The layers that it may import, by name. A layer may always import itself. */
  readonly uses?: readonly string[];
  /** The layers of which it may import types and nothing that runs. */
  readonly typesOf?: readonly string[];
  /** The npm packages that it may import. */
  readonly libraries?: readonly string[];
  /** Whether it may import modules of the platform, such as `node:fs` and `bun:sqlite`. */
  readonly platform?: boolean;
}

const adapters: Readonly<Record<string, Layer>> = {
  cbor: adapter("cbor", { libraries: ["cbor-x"] }),
  certs: adapter("certs", { libraries: ["@peculiar/x509", "reflect-metadata", "smol-toml"] }),
  consola: adapter("consola", { libraries: ["consola"] }),
  memory: adapter("memory", { uses: ["core"] }),
  plugin: adapter("plugin", { uses: ["cbor"], libraries: ["@standard-schema/spec"] }),
  sqlite: adapter("sqlite", {}),
  system: adapter("system", {}),
  tls: adapter("tls", { uses: ["cbor"] }),
};

const inner: Readonly<Record<string, Layer>> = {
  core: { at: "src/core/" },
  ports: { at: "src/ports/", typesOf: ["core", "errors"] },
  errors: { at: "src/errors.ts", typesOf: ["core"] },
  node: { at: "src/node/", uses: ["core", "ports", "errors"] },
  client: { at: "src/client/", uses: ["cbor", "tls", "errors"], typesOf: ["ports"], platform: true },
  config: { at: "src/config/", uses: ["errors"], typesOf: ["core"], libraries: ["smol-toml"], platform: true },
  ...adapters,
};

const layers: Readonly<Record<string, Layer>> = {
  ...inner,
  compose: { at: "src/compose.ts", uses: Object.keys(inner), platform: true },
  cli: {
    at: "src/cli/",
    uses: ["compose", "client", "config", "errors"],
    libraries: ["citty", "consola"],
    platform: true,
  },
};

/** An adapter wraps one library or facility of the platform behind a port. */
function adapter(name: string, more: Omit<Layer, "at">): Layer {
  return {
    at: `src/adapters/${name}/`,
    uses: ["ports", "errors", ...(more.uses ?? [])],
    typesOf: ["core"],
    libraries: more.libraries ?? [],
    platform: true,
  };
}

const patternOf = (path: string): string => `^${path.replaceAll(".", "\\.")}${path.endsWith("/") ? "" : "$"}`;
const layerPattern = (name: string): string => patternOf(layers[name]?.at ?? `no layer ${name}`);

/** At most two rules a layer: what it may import at all, and what of that only for its types. */
function rulesOf([name, layer]: [string, Layer]): IRegularForbiddenRuleType[] {
  const { uses = [], typesOf = [], libraries = [], platform = false } = layer;
  const from = { path: patternOf(layer.at) };
  const allowed = [
    patternOf(layer.at),
    ...[...uses, ...typesOf].map(layerPattern),
    ...libraries.map((library) => `^node_modules/${library}/`),
  ];
  return [
    {
      name: `${name}-imports`,
      severity: "error",
      comment: `${name} may import ${[name, ...uses, ...typesOf, ...libraries].join(", ")}${platform ? " and the platform" : ""}`,
      from,
      to: { pathNot: allowed, ...(platform ? { dependencyTypesNot: ["core"] } : {}) },
    },
    {
      name: `${name}-types-only`,
      severity: "error",
      comment: `${name} may import types, and nothing that runs, of ${typesOf.join(", ")}`,
      from,
      to: {
        path: typesOf.length > 0 ? typesOf.map(layerPattern) : "^$",
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
    name: "layer-unknown",
    severity: "error",
    comment: "Every file in src belongs to a layer of the table in import-rules.ts",
    from: { path: "^src/", pathNot: Object.keys(layers).map(layerPattern) },
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
