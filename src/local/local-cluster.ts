// What makes a cluster on one machine? A folder with an authority, a configuration file per node and a graft.toml for
// clients. Which processes run from it is node-process.ts.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { parse, stringify } from "smol-toml";
import { initCertificates, issueInto } from "../adapters/certs/folder.ts";
import { GraftError } from "../errors.ts";

export interface LocalNode {
  readonly id: string;
  readonly address: string;
  /** Path of its configuration file. */
  readonly config: string;
  readonly dataDir: string;
}

export interface LocalCluster {
  readonly dir: string;
  readonly id: string;
  readonly nodes: readonly LocalNode[];
  /** Path of the graft.toml. */
  readonly clientFile: string;
}

export interface LocalClusterRequest {
  readonly dir: string;
  readonly id: string;
  /** One node each. */
  readonly ports: readonly number[];
  /** As in `[state_machine] plugin`; a path is relative to the working folder or absolute. Or a program, as in `command` there. */
  readonly plugin: string | { readonly command: readonly string[] | readonly (readonly string[])[] };
  /** More for the configuration files, by section. */
  readonly settings?: Readonly<Record<string, Readonly<Record<string, string | number | boolean>>>>;
}

interface LocalPlugins {
  readonly plugins: readonly string[];
  readonly directory: string;
}

interface LocalClientSettings {
  readonly cluster: string;
  readonly name: string;
  readonly addresses: readonly string[];
  /** PEM texts. */
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string };
}

const clientFileName = "graft.toml";
const administrator = "admin";

/** Writes everything a cluster needs to start. Throws `GraftError` when there is one already. */
export async function createLocalCluster(request: LocalClusterRequest): Promise<LocalCluster> {
  const cluster = layout(request.dir, request.id, request.ports);
  const { dir, nodes } = cluster;
  await makeFolder(dir);
  await initCertificates({
    dir: join(dir, "certs"),
    cluster: request.id,
    nodes: nodes.map(({ id, address }) => ({ id, hosts: [address] })),
    clients: [administrator],
    clientFile: {
      path: cluster.clientFile,
      client: administrator,
      addresses: nodes.map(({ address }) => address),
    },
  });
  const bootstrap = nodes.map(({ id, address }) => ({ id, address }));
  for (const node of nodes) await writeFile(node.config, configOf(cluster, node, { bootstrap }, request));
  return cluster;
}

async function makeFolder(dir: string): Promise<void> {
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 });
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : null;
    if (code !== "EEXIST" && code !== "ENOTDIR") throw error;
    const file = code === "EEXIST" ? dir : `a part of ${dir}`;
    const message = `${file} is a file, and the cluster needs a folder there. Nothing was changed. Name another folder.`;
    throw new GraftError("storage", message, { cause: error });
  }
}

export interface JoiningNodeRequest extends Pick<LocalClusterRequest, "plugin" | "settings"> {
  readonly id: string;
  readonly port: number;
  /** Default: the address that it listens on. */
  readonly advertise?: string;
  /** `host:port` of members. */
  readonly join: readonly string[];
  /** It was there before, and its files are written anew; its data stays. */
  readonly again?: boolean;
}

/** Writes what one node more needs to start and to wait until it is added. Throws `GraftError` when it is there already. */
export async function createJoiningNode(cluster: LocalCluster, request: JoiningNodeRequest): Promise<LocalNode> {
  const { id, join: members, advertise, again = false } = request;
  const node = nodeAt(cluster.dir, id, request.port);
  await issueInto(join(cluster.dir, "certs"), { nodes: [{ id, hosts: [node.address] }], force: again });
  const beginning = { join: [...members] };
  await writeFile(node.config, configOf(cluster, node, beginning, request, advertise));
  return { ...node, address: advertise ?? node.address };
}

/** The cluster that was created in `dir` before; null when there is none. */
export async function findLocalCluster(dir: string): Promise<LocalCluster | null> {
  // Not the graft.toml, which follows the members: the founders are in the file of each of them.
  const path = nodeAt(dir, "n1", 0).config;
  if (!existsSync(join(dir, clientFileName)) || !existsSync(path)) return null;
  const { cluster } = parse(await readFile(path, "utf8")) as { readonly cluster?: Partial<FoundersSection> };
  if (typeof cluster?.id !== "string" || !Array.isArray(cluster.bootstrap)) return null;
  const ports = cluster.bootstrap.map(({ address }) => Number(address.split(":").at(-1)));
  const found = layout(dir, cluster.id, ports);
  return found.nodes.every(({ config }) => existsSync(config)) ? found : null;
}

/** One node more that was made for this cluster before; null when there is none of this id. */
export async function findJoiningNode(cluster: LocalCluster, id: string): Promise<LocalNode | null> {
  const node = nodeAt(cluster.dir, id, 0);
  if (!existsSync(node.config)) return null;
  const { node: section } = parse(await readFile(node.config, "utf8"));
  const listen = typeof section === "object" && "listen" in section ? section["listen"] : null;
  return typeof listen === "string" ? { ...node, address: listen } : null;
}

/** The state machine that the first node's file names. Relative paths begin at `directory`. */
export async function pluginsOf({ nodes: [first] }: LocalCluster): Promise<LocalPlugins> {
  const { config } = first!;
  const { state_machine: section } = parse(await readFile(config, "utf8")) as {
    readonly state_machine: { readonly plugin: string | readonly string[] };
  };
  return { plugins: [section.plugin].flat(), directory: resolve(dirname(config)) };
}

/** What a client of the cluster is made from, its administrator's. */
export function localClientSettings(cluster: LocalCluster): LocalClientSettings {
  const read = (name: string): string => readFileSync(join(cluster.dir, "certs", name), "utf8");
  return {
    cluster: cluster.id,
    name: administrator,
    addresses: cluster.nodes.map(({ address }) => address),
    tls: { ca: read("ca.crt"), cert: read(`${administrator}.crt`), key: read(`${administrator}.key`) },
  };
}

function layout(dir: string, id: string, ports: readonly number[]): LocalCluster {
  const nodes = ports.map((port, place) => nodeAt(dir, `n${place + 1}`, port));
  return { dir, id, nodes, clientFile: join(dir, clientFileName) };
}

const nodeAt = (dir: string, id: string, port: number): LocalNode => ({
  id,
  address: `127.0.0.1:${port}`,
  config: join(dir, `${id}.toml`),
  dataDir: join(dir, "data", id),
});

interface FoundersSection {
  readonly id: string;
  readonly bootstrap: readonly { readonly address: string }[];
}

/** Who founds a cluster names the founders, who comes later some members. */
type Beginning = { readonly bootstrap: readonly object[] } | { readonly join: readonly string[] };

function configOf(
  cluster: LocalCluster,
  node: LocalNode,
  beginning: Beginning,
  { plugin, settings = {} }: Pick<LocalClusterRequest, "plugin" | "settings">,
  advertise = node.address,
): string {
  const sections: Record<string, Record<string, unknown>> = {
    node: { id: node.id, data_dir: `data/${node.id}`, listen: node.address, advertise },
    cluster: { id: cluster.id, ...beginning },
    tls: { ca: "certs/ca.crt", cert: `certs/${node.id}.crt`, key: `certs/${node.id}.key` },
    state_machine: typeof plugin === "string" ? { plugin: pluginFrom(dirname(node.config), plugin) } : { ...plugin },
    access: { admins: [administrator] },
  };
  for (const [name, section] of Object.entries(settings)) sections[name] = { ...sections[name], ...section };
  return `# Node ${node.id} of a cluster on this machine. Paths are relative to this file.\n${stringify(sections)}`;
}

/** A name stays a name; a path is looked for from the file that names it. */
function pluginFrom(folder: string, plugin: string): string {
  if (!/[/\\]|\.[cm]?[jt]s$|^\.{1,2}$/.test(plugin)) return plugin;
  const path = relative(folder, plugin);
  return path.startsWith(".") || path.startsWith("/") ? path : `./${path}`;
}
