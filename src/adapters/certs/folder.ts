// Where do certificates and keys lie on disk? One folder per cluster: ca.crt and ca.key, then <name>.crt and <name>.key
// of each node and client. Keys are readable by their owner alone, and nothing that exists is replaced unless asked.
import { randomUUID } from "node:crypto";
import { access, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";
import { stringify } from "smol-toml";
import { GraftError } from "../../errors.ts";
import { clusterOfCa, createCa, type Credentials, issueClient, issueNode, type Validity } from "./authority.ts";
import { checkName } from "./names.ts";

export interface NodeRequest {
  readonly id: string;
  /** Where peers and clients reach it: `host` or `host:port`. Loopback is always added. */
  readonly hosts: readonly string[];
}

/** What is to be issued, where, and for how long (`days`). */
export interface FolderRequest extends Validity {
  readonly dir: string;
  readonly nodes?: readonly NodeRequest[];
  /** Names of clients. */
  readonly clients?: readonly string[];
  /** A `graft.toml` to write, from which a client finds the cluster and its own certificate. */
  readonly clientFile?: ClientFileRequest;
  /** Replaces files that exist. Default: false, and nothing at all is written when one of them does. */
  readonly force?: boolean;
}

export interface ClientFileRequest {
  readonly path: string;
  /** Name of the client whose certificate it points to. */
  readonly client: string;
  readonly addresses: readonly string[];
}

interface OutputFile {
  readonly path: string;
  readonly text: string;
  readonly isSecret: boolean;
}

/**
 * Makes a new authority and everything asked for; resolves with the paths written.
 * Throws `GraftError("usage")` when a name is wrong or used twice, `GraftError("config")` when a file exists.
 */
export async function initCertificates(
  request: FolderRequest & { readonly cluster: string; readonly authorityDays?: number | undefined },
): Promise<readonly string[]> {
  const targets = targetPaths(request, ["ca"]);
  await refuseExisting(targets, request.force ?? false, "to add a certificate to this authority: graft certs issue");
  const ca = await createCa({ cluster: request.cluster, days: request.authorityDays, now: request.now });
  const files = [...pair(request.dir, "ca", ca), ...(await issueAll(ca, request.cluster, request))];
  return writeAll(request, files);
}

/**
 * Issues from the authority that lies in `dir`; resolves with the paths written. `cluster`, when given, must be the
 * authority's. Throws as `initCertificates`, and `GraftError("config")` when the authority is missing or damaged.
 */
export async function issueInto(
  dir: string,
  request: Omit<FolderRequest, "dir"> & { readonly cluster?: string },
): Promise<readonly string[]> {
  const whole = { ...request, dir };
  const targets = targetPaths(whole, []);
  await refuseExisting(targets, request.force ?? false, "to replace it, for instance before it expires: --force");
  const ca = await readCa(dir);
  return writeAll(whole, await issueAll(ca, request.cluster ?? clusterOfCa(ca.cert), whole));
}

/** Reads ca.crt and ca.key. Throws `GraftError("config")` saying what is missing and how to make it. */
export async function readCa(dir: string): Promise<Credentials> {
  const read = (name: string): Promise<string> =>
    readFile(join(dir, name), "utf8").catch((cause: unknown) => {
      const path = join(dir, name);
      throw new GraftError("config", `cannot read ${path} (${errorCode(cause)}); a new authority: graft certs init`, {
        cause,
      });
    });
  return { cert: await read("ca.crt"), key: await read("ca.key") };
}

async function issueAll(ca: Credentials, cluster: string, request: FolderRequest): Promise<readonly OutputFile[]> {
  const files: OutputFile[] = [];
  const { days, now } = request;
  for (const node of request.nodes ?? []) {
    files.push(...pair(request.dir, node.id, await issueNode(ca, { cluster, ...node, days, now })));
  }
  for (const name of request.clients ?? []) {
    files.push(...pair(request.dir, name, await issueClient(ca, { cluster, name, days, now })));
  }
  if (request.clientFile !== undefined) files.push(clientFile(request.dir, cluster, request.clientFile));
  return files;
}

function pair(dir: string, name: string, credentials: Credentials): readonly OutputFile[] {
  return [
    { path: join(dir, `${name}.crt`), text: credentials.cert, isSecret: false },
    { path: join(dir, `${name}.key`), text: credentials.key, isSecret: true },
  ];
}

function clientFile(dir: string, cluster: string, request: ClientFileRequest): OutputFile {
  const fromHere = (name: string): string => {
    const path = relative(dirname(request.path), join(dir, name));
    return path.split(sep).join("/");
  };
  const settings = {
    cluster: [...request.addresses],
    id: cluster,
    ca: fromHere("ca.crt"),
    cert: fromHere(`${request.client}.crt`),
    key: fromHere(`${request.client}.key`),
  };
  const text = `# How a client reaches the cluster. Paths are relative to this file.\n${stringify(settings)}`;
  return { path: request.path, text, isSecret: false };
}

/** Every file that the request will write. Two of one name would overwrite each other: refused. */
function targetPaths(request: FolderRequest, reserved: readonly string[]): readonly string[] {
  const names = [...reserved];
  const claim = (what: "node" | "client", name: string): void => {
    checkName(what, name);
    if (name === "ca" || names.includes(name)) {
      throw new GraftError(
        "usage",
        `the name "${name}" is taken: each node, client and the authority (ca) needs its own`,
      );
    }
    names.push(name);
  };
  for (const node of request.nodes ?? []) claim("node", node.id);
  for (const name of request.clients ?? []) claim("client", name);
  const paths = names.flatMap((name) => [join(request.dir, `${name}.crt`), join(request.dir, `${name}.key`)]);
  return request.clientFile === undefined ? paths : [...paths, request.clientFile.path];
}

async function refuseExisting(paths: readonly string[], force: boolean, remedy: string): Promise<void> {
  if (force) return;
  const found: string[] = [];
  for (const path of paths) if (await exists(path)) found.push(path);
  if (found.length > 0) throw existsError(found, remedy);
}

function existsError(paths: readonly string[], remedy: string): GraftError {
  return new GraftError("config", `${paths.join(", ")} already there, nothing was written; ${remedy}`);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** The files survive a power cut when this resolves: a lost key of an authority ends what was issued by it. */
async function writeAll(request: FolderRequest, files: readonly OutputFile[]): Promise<readonly string[]> {
  const folders = new Set<string>();
  try {
    for (const folder of await makeFolder(request.dir, 0o700)) folders.add(folder);
  } catch (cause) {
    throw new GraftError("storage", `cannot make the folder ${request.dir} (${errorCode(cause)})`, { cause });
  }
  for (const file of files) {
    for (const folder of await writeWhole(file, request.force ?? false)) folders.add(folder);
  }
  for (const folder of folders) {
    await syncFolder(folder).catch((cause: unknown) => {
      const message = `the files are written, but a power cut could lose them: ${folder} (${errorCode(cause)})`;
      throw new GraftError("storage", message, { cause });
    });
  }
  return files.map((file) => file.path);
}

/**
 * A replacement is written beside its place first, so that nobody sees half of it, nor a key that others may read. Returns the
 * folders that have new names in them.
 */
async function writeWhole(file: OutputFile, force: boolean): Promise<readonly string[]> {
  const target = force ? `${file.path}.${randomUUID()}` : file.path;
  try {
    const folders = await makeFolder(dirname(file.path), 0o777);
    const handle = await open(target, "wx", file.isSecret ? 0o600 : 0o644);
    try {
      try {
        await handle.writeFile(file.text);
        await handle.sync();
      } finally {
        await handle.close();
      }
      if (force) await rename(target, file.path);
    } catch (error) {
      // Half a file would only be in the way of the next attempt.
      await rm(target, { force: true });
      throw error;
    }
    return [...folders, dirname(resolve(file.path))];
  } catch (cause) {
    // Files before this one may have been written.
    throw new GraftError("storage", `cannot write ${file.path} (${errorCode(cause)})`, { cause });
  }
}

/** Creates what is missing, and returns the folders that have new folders in them. */
async function makeFolder(path: string, mode: number): Promise<readonly string[]> {
  const created = await mkdir(path, { recursive: true, mode });
  if (created === undefined) return [];
  const last = dirname(resolve(created));
  const folders = [dirname(resolve(path))];
  while (folders.at(-1) !== last) folders.push(dirname(folders.at(-1)!));
  return folders;
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function errorCode(cause: unknown): string {
  return cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
}
