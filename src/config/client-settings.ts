// Which cluster does a client speak to, and as whom? Each setting comes from the flags, else from the environment, else
// from the nearest graft.toml, found upward from the working folder.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { GraftError } from "../errors.ts";
import { loadClientCredentials, type LoadedCredentials } from "./credentials.ts";
import { problemsError } from "./problems.ts";
import { optional, readKeys, type ValuesOf } from "./read-keys.ts";
import { parseDocument } from "./toml-document.ts";
import { address, addresses, name as anyName, path as anyPath, uuid as anyUuid } from "./value-kinds.ts";

/** What was given on the command line; undefined where nothing was. */
export interface ClientFlags {
  /** `HOST:PORT[,…]` */
  readonly cluster?: string | undefined;
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

export interface ClientSources {
  readonly flags: ClientFlags;
  /** Looked at: GRAFT_CLUSTER, GRAFT_CA, GRAFT_CERT, GRAFT_KEY. An empty one counts as not set. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where relative paths of flags and environment start, and the search for graft.toml. */
  readonly cwd: string;
}

/** PEM texts included. */
export interface ClientSettings {
  /** At least one `host:port`. */
  readonly addresses: readonly string[];
  /** The graft.toml that names the addresses; null: flags or the environment do. */
  readonly file: string | null;
  /** The only cluster to speak to; undefined: the first of this name that is reached. */
  readonly clusterUuid: string | undefined;
  readonly tls: Pick<LoadedCredentials, "ca" | "cert" | "key">;
  /** The cluster's id and the client's name, as the certificate says. */
  readonly cluster: string;
  readonly name: string;
  /** When the client's certificate runs out. */
  readonly expiresAt: Date;
}

const FILE_NAME = "graft.toml";

/** The keys of a graft.toml, none of them required: flags and environment may give the rest. */
const clientKeys = {
  cluster: optional(addresses, null, "any live nodes of the cluster; one is enough"),
  id: optional(anyName, null, "the name of the cluster, checked against the certificate"),
  uuid: optional(anyUuid, null, "the only cluster of this name to speak to; without it the first that is reached"),
  ca: optional(anyPath, null, "the certificate of the cluster's authority"),
  cert: optional(anyPath, null, "the certificate of the client"),
  key: optional(anyPath, null, "the private key of the client"),
} as const;

type Setting = "cluster" | "ca" | "cert" | "key";
const SETTINGS: readonly Setting[] = ["cluster", "ca", "cert", "key"];

/**
 * Finds, reads and checks all of it. Throws `GraftError("usage")` that says what is missing and where it was looked for,
 * `GraftError("config")` when a file is wrong.
 */
export function resolveClientSettings(sources: ClientSources): ClientSettings {
  const given = (setting: Setting): string | undefined =>
    sources.flags[setting] ?? (sources.env[`GRAFT_${setting.toUpperCase()}`] || undefined);
  const isComplete = SETTINGS.every((setting) => given(setting) !== undefined);
  const file = isComplete ? null : nearestFile(sources.cwd);

  const pathOf = (setting: "ca" | "cert" | "key"): string | undefined => {
    const path = given(setting);
    return path === undefined ? file?.[setting] : resolve(sources.cwd, path);
  };
  const [ca, cert, key] = [pathOf("ca"), pathOf("cert"), pathOf("key")];
  const text = given("cluster");
  const reachedAt = text === undefined ? file?.cluster : parseAddresses(text);
  if (reachedAt === undefined || ca === undefined || cert === undefined || key === undefined) {
    const found = { cluster: reachedAt, ca, cert, key };
    throw missingError(
      SETTINGS.filter((setting) => found[setting] === undefined),
      sources.cwd,
      file?.path,
    );
  }
  // The file's id and uuid belong to the file's cluster: another cluster named by a flag has others.
  const { identity, expiresAt, ...tls } = loadClientCredentials(
    { ca, cert, key },
    text === undefined ? file?.id : undefined,
  );
  const clientName = identity.role === "client" ? identity.name : identity.id;
  return {
    addresses: reachedAt,
    file: text === undefined ? (file?.path ?? null) : null,
    clusterUuid: text === undefined ? file?.uuid : undefined,
    tls,
    cluster: identity.cluster,
    name: clientName,
    expiresAt,
  };
}

interface ClientFile {
  readonly path: string;
  readonly cluster: readonly string[] | undefined;
  readonly id: string | undefined;
  readonly uuid: string | undefined;
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

function nearestFile(cwd: string): ClientFile | null {
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    const path = join(folder, FILE_NAME);
    if (existsSync(path)) return readClientFile(path);
    if (folder === dirname(folder)) return null;
  }
}

function readClientFile(path: string): ClientFile {
  const parsed = parseDocument(readFileSync(path, "utf8"));
  if ("problems" in parsed) throw problemsError(path, parsed.problems);
  const { values, problems } = readKeys(parsed.document, clientKeys);
  if (problems.length > 0) throw problemsError(path, problems);
  const { cluster, id, uuid, ca, cert, key } = values as ValuesOf<typeof clientKeys>;
  const fromFile = (relative: string | null): string | undefined =>
    relative === null ? undefined : resolve(dirname(path), relative);
  return {
    path,
    cluster: cluster === null || cluster.length === 0 ? undefined : cluster,
    id: id ?? undefined,
    uuid: uuid ?? undefined,
    ca: fromFile(ca),
    cert: fromFile(cert),
    key: fromFile(key),
  };
}

function parseAddresses(text: string): readonly string[] {
  const parts = text.split(",").map((part) => part.trim());
  return parts.map((part) => {
    const found = address.read(part, (_within, what, remedy) => {
      throw new GraftError("usage", `the cluster's addresses: ${what}; ${remedy}`);
    });
    return found ?? part;
  });
}

function missingError(missing: readonly Setting[], cwd: string, file: string | undefined): GraftError {
  const flags = missing.map((setting) => `--${setting}`).join(", ");
  const variables = missing.map((setting) => `GRAFT_${setting.toUpperCase()}`).join(", ");
  const searched = file === undefined ? `no ${FILE_NAME} in ${cwd} or above it` : `${file} does not say`;
  const what = missing.includes("cluster") ? "which cluster" : "whose certificate";
  return new GraftError(
    "usage",
    `not known: ${what} (${missing.join(", ")}). Looked for ${flags}, for ${variables}, and found ${searched}. ` +
      `graft certs init and graft dev write a ${FILE_NAME}.`,
  );
}
