// Are these certificates the right ones? The files are read and checked before anything is listened on or dialled, so that
// a mistake is told here with its path and its remedy, and not by a peer that hangs up. The same checks are made again,
// by those on the other side, in each handshake.
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { describeIdentity, type Identity, identityOf } from "../adapters/tls/identity.ts";
import { GraftError } from "../errors.ts";
import type { Config } from "./config.ts";

export interface CredentialPaths {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** PEM texts that fit each other, and whose they are. */
export interface LoadedCredentials extends CredentialPaths {
  readonly identity: Identity;
  /** When the certificate, or its authority's, runs out: the earlier of the two. */
  readonly expiresAt: Date;
}

/** What is asked of a certificate. */
interface Expected {
  readonly role: Identity["role"];
  /** Undefined: any. */
  readonly cluster: string | undefined;
  readonly name: string | undefined;
  /** The command that makes such a certificate. */
  readonly issue: string;
}

const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** The certificates of `[tls]`. Throws `GraftError("config")` whose message lists all that is wrong with them. */
export function loadNodeCredentials(
  config: Pick<Config, "cluster" | "node" | "tls">,
  now: Date = new Date(),
): LoadedCredentials {
  const { id, advertise } = config.node;
  const issue = `graft certs issue --node ${id}=${advertise}`;
  return load(config.tls, { role: "node", cluster: config.cluster.id, name: id, issue }, now);
}

/** A client's certificates; `cluster` when it is known already. Throws as `loadNodeCredentials`. */
export function loadClientCredentials(
  paths: CredentialPaths,
  cluster?: string,
  now: Date = new Date(),
): LoadedCredentials {
  return load(paths, { role: "client", cluster, name: undefined, issue: "graft certs issue --client NAME" }, now);
}

function load(paths: CredentialPaths, expected: Expected, now: Date): LoadedCredentials {
  const faults: string[] = [];
  const report = (path: string, what: string, remedy: string): void => void faults.push(`${path} ${what}; ${remedy}`);
  const ca = read(paths.ca, "graft certs init makes one", report);
  const cert = read(paths.cert, `${expected.issue} makes one`, report);
  const key = read(paths.key, `${expected.issue} makes one`, report);

  const authorities = ca === null ? [] : authoritiesIn(paths.ca, ca, now, report);
  const own = cert === null ? null : certificateIn(paths.cert, cert, now, expected, report);
  if (own !== null && key !== null) checkKey(paths, own, key, expected, report);
  const signer =
    own === null ? undefined : authorities.find((each) => own.checkIssued(each) && own.verify(each.publicKey));
  if (own !== null && authorities.length > 0 && signer === undefined) {
    report(
      paths.cert,
      `is not signed by the authority in ${paths.ca}`,
      `take both from one folder, or ${expected.issue}`,
    );
  }
  const identity = own === null ? null : checkIdentity(paths.cert, own, expected, report);
  if (faults.length > 0) throw new GraftError("config", describe(faults));
  if (ca === null || cert === null || key === null || own === null || signer === undefined || identity === null) {
    throw new Error("certificates with a fault that nobody reported");
  }
  const expiresAt = new Date(Math.min(own.validToDate.getTime(), signer.validToDate.getTime()));
  return { ca, cert, key, identity, expiresAt };
}

type Report = (path: string, what: string, remedy: string) => void;

function describe(faults: readonly string[]): string {
  return `the certificates cannot be used:\n${faults.map((fault) => `  ${fault}`).join("\n")}`;
}

function read(path: string, remedy: string, report: Report): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    report(path, `cannot be read (${code})`, remedy);
    return null;
  }
}

/** Several authorities may stand in one file while a cluster goes over from one to the next. */
function authoritiesIn(path: string, pem: string, now: Date, report: Report): readonly X509Certificate[] {
  const found = (pem.match(PEM_CERTIFICATE) ?? []).map(parseCertificate);
  const authorities = found.filter((each) => each !== null).filter((each) => each.ca);
  if (found.length === 0 || found.includes(null)) {
    report(path, "is no certificate in PEM form", "name the ca.crt that graft certs init wrote");
  } else if (authorities.length === 0) {
    report(path, "is no authority's certificate", "name the ca.crt that graft certs init wrote");
  } else if (authorities.every((each) => each.validToDate < now)) {
    report(path, "has expired", "make a new authority with graft certs init, and new certificates for all");
  }
  return authorities;
}

function certificateIn(
  path: string,
  pem: string,
  now: Date,
  expected: Expected,
  report: Report,
): X509Certificate | null {
  const [block] = pem.match(PEM_CERTIFICATE) ?? [];
  const found = block === undefined ? null : parseCertificate(block);
  if (found === null) {
    report(path, "is no certificate in PEM form", `${expected.issue} makes one`);
  } else if (found.validToDate < now) {
    report(path, `expired on ${found.validToDate.toISOString()}`, `${expected.issue} --force makes a new one`);
  } else if (found.validFromDate > now) {
    report(path, `is valid only from ${found.validFromDate.toISOString()}`, "check this machine's clock");
  }
  return found;
}

function parseCertificate(pem: string): X509Certificate | null {
  try {
    return new X509Certificate(pem);
  } catch {
    // The caller says where it stood.
    return null;
  }
}

function checkKey(paths: CredentialPaths, own: X509Certificate, pem: string, expected: Expected, report: Report): void {
  const key = parseKey(pem);
  if (key === null) {
    const what = pem.includes("ENCRYPTED")
      ? "is encrypted, and nobody is there to ask"
      : "is no private key in PEM form";
    report(paths.key, what, `${expected.issue} makes one`);
  } else if (!own.checkPrivateKey(key)) {
    report(paths.key, `does not belong to ${paths.cert}`, `take both from one run of ${expected.issue}`);
  }
}

function parseKey(pem: string): KeyObject | null {
  try {
    return createPrivateKey(pem);
  } catch {
    // The caller says where it stood.
    return null;
  }
}

function checkIdentity(path: string, own: X509Certificate, expected: Expected, report: Report): Identity | null {
  const identity = identityOf(own);
  if (typeof identity === "string") {
    report(path, `says not whose it is: ${identity}`, `${expected.issue} makes one that does`);
    return null;
  }
  const whose = `is of ${describeIdentity(identity)} in the cluster ${identity.cluster}`;
  if (identity.role !== expected.role) {
    report(path, `${whose}, and not of a ${expected.role}`, `${expected.issue} makes one`);
  } else if (identity.role === "node" && identity.id !== expected.name) {
    report(path, `${whose}, and not of node ${expected.name}`, `${expected.issue} makes one, or correct node.id`);
  }
  if (expected.cluster !== undefined && identity.cluster !== expected.cluster) {
    report(
      path,
      `${whose}, and not in ${expected.cluster}`,
      "correct the id of the cluster, or name another certificate",
    );
  }
  const usages = own.keyUsage ?? [];
  const needed = expected.role === "node" ? [SERVER_AUTH, CLIENT_AUTH] : [CLIENT_AUTH];
  if (usages.length > 0 && !needed.every((usage) => usages.includes(usage))) {
    report(path, "is not made for TLS in this role (extended key usage)", `${expected.issue} makes one that is`);
  }
  return identity;
}
