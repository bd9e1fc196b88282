// What makes a cluster on one machine? A folder with an authority, a configuration file per node and a graft.toml for
// clients. Which processes run from it is node-process.ts.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { parse, stringify } from "smol-toml";
import { initCertificates } from "../adapters/certs/folder.ts";

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
  /** As in `[state_machine] plugin`; a path is relative to the working folder or absolute. */
  readonly plugin: string;
  /** More for the configuration files, by section. */
  readonly settings?: Readonly<Record<string, Readonly<Record<string, string | number | boolean>>>>;
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
  await mkdir(dir, { recursive: true, mode: 0o700 });
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
  for (const node of nodes) await writeFile(node.config, configOf(cluster, node, request));
  return cluster;
}

/** The cluster that was created in `dir` before; null when there is none. */
export async function findLocalCluster(dir: string): Promise<LocalCluster | null> {
  const path = join(dir, clientFileName);
  if (!existsSync(path)) return null;
  const { id, cluster } = parse(await readFile(path, "utf8"));
  if (typeof id !== "string" || !Array.isArray(cluster)) return null;
  const found = layout(
    dir,
    id,
    cluster.map((address) => (typeof address === "string" ? Number(address.split(":").at(-1)) : Number.NaN)),
  );
  return found.nodes.every(({ config }) => existsSync(config)) ? found : null;
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
  const nodes = ports.map((port, place) => {
    const name = `n${place + 1}`;
    const config = join(dir, `${name}.toml`);
    return { id: name, address: `127.0.0.1:${port}`, config, dataDir: join(dir, "data", name) };
  });
  return { dir, id, nodes, clientFile: join(dir, clientFileName) };
}

function configOf(cluster: LocalCluster, node: LocalNode, { plugin, settings = {} }: LocalClusterRequest): string {
  const sections: Record<string, Record<string, unknown>> = {
    node: { id: node.id, data_dir: `data/${node.id}`, listen: node.address },
    cluster: { id: cluster.id, bootstrap: cluster.nodes.map(({ id, address }) => ({ id, address })) },
    tls: { ca: "certs/ca.crt", cert: `certs/${node.id}.crt`, key: `certs/${node.id}.key` },
    state_machine: { plugin: pluginFrom(dirname(node.config), plugin) },
    access: { admins: [administrator] },
  };
  for (const [name, section] of Object.entries(settings)) sections[name] = { ...sections[name], ...section };
  return `# Node ${node.id} of a cluster on this machine. Paths are relative to this file.\n${stringify(sections)}`;
}

/** A name stays a name; a path is looked for from the file that names it. */
function pluginFrom(folder: string, plugin: string): string {
  if (!/[/\\]|\.[cm]?[jt]s$/.test(plugin)) return plugin;
  const path = relative(folder, plugin);
  return path.startsWith(".") || path.startsWith("/") ? path : `./${path}`;
}
