// How is a certificate made? The private authority of a cluster, and the certificates it signs for nodes and clients.
// Everything here is in memory; the files are folder.ts's. The keys are ECDSA on P-256: the kind that every TLS 1.3
// implementation accepts. Needs no openssl.
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import type { Extension, X509Certificate as MadeCertificate } from "@peculiar/x509";
import { GraftError } from "../../errors.ts";
import { authorityUri, checkName, clientUri, type HostName, hostNames, nodeUri } from "./names.ts";
import { loadX509, type X509Library } from "./x509-library.ts";

/** A certificate and its PKCS#8 private key, both PEM. */
export interface Credentials {
  readonly cert: string;
  readonly key: string;
}

/** From when and how long a certificate is good. */
export interface Validity {
  /** Default: 3650 for the authority, 730 for a node or a client; never longer than the authority's own. */
  readonly days?: number | undefined;
  /** Default: now. Certificates begin an hour before it, since clocks differ. */
  readonly now?: Date | undefined;
}

const KEY_ALGORITHM = { name: "ECDSA", namedCurve: "P-256" } as const;
const SIGNING_ALGORITHM = { name: "ECDSA", hash: "SHA-256" } as const;
const AUTHORITY_DAYS = 3650;
const LEAF_DAYS = 730;
const DAY_MS = 24 * 60 * 60 * 1000;
const CLOCK_SKEW_MS = 60 * 60 * 1000;
/** Latest time that the encoding of certificates is sure to carry. */
const LAST_MOMENT_MS = Date.UTC(9999, 0, 1);

/** The authority of one cluster. Throws `GraftError("usage")` for an impossible name or validity. */
export async function createCa(options: { readonly cluster: string } & Validity): Promise<Credentials> {
  checkName("cluster", options.cluster);
  const x509 = await loadX509();
  const keys = await generateKeys();
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: randomSerial(),
    name: subject(`Graft CA of ${options.cluster}`, options.cluster),
    ...validity(options, AUTHORITY_DAYS, LAST_MOMENT_MS),
    keys,
    signingAlgorithm: SIGNING_ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      new x509.SubjectAlternativeNameExtension([{ type: "url", value: authorityUri(options.cluster) }]),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { cert: pem(cert), key: await privatePem(x509, keys.privateKey) };
}

/**
 * A node's certificate: it serves and dials under the identity `graft://<cluster>/node/<id>`. Loopback is always among
 * the hosts; `hosts` may carry ports. Throws `GraftError("usage" | "config")`.
 */
export async function issueNode(
  ca: Credentials,
  options: { readonly cluster: string; readonly id: string; readonly hosts: readonly string[] } & Validity,
): Promise<Credentials> {
  checkName("node", options.id);
  return issue(ca, {
    cluster: options.cluster,
    commonName: options.id,
    uri: nodeUri(options.cluster, options.id),
    hosts: hostNames(options.hosts),
    serves: true,
    validity: options,
  });
}

/** A client's certificate: it dials under the identity `graft://<cluster>/client/<name>` and can serve nothing. */
export async function issueClient(
  ca: Credentials,
  options: { readonly cluster: string; readonly name: string } & Validity,
): Promise<Credentials> {
  checkName("client", options.name);
  return issue(ca, {
    cluster: options.cluster,
    commonName: options.name,
    uri: clientUri(options.cluster, options.name),
    hosts: [],
    serves: false,
    validity: options,
  });
}

/** The cluster an authority's certificate belongs to. Throws `GraftError("config")` when it is not one of Graft's. */
export function clusterOfCa(certPem: string): string {
  for (const name of parseCertificate(certPem).subjectAltName?.split(", ") ?? []) {
    const [, cluster] = /^URI:graft:\/\/([A-Za-z0-9._-]{1,64})\/ca$/.exec(name) ?? [];
    if (cluster !== undefined) return cluster;
  }
  throw new GraftError(
    "config",
    "this certificate is not a Graft authority: it names no cluster (graft://<cluster>/ca)",
  );
}

interface LeafRequest {
  readonly cluster: string;
  readonly commonName: string;
  readonly uri: string;
  readonly hosts: readonly HostName[];
  /** Whether it may stand for a server too. Every certificate may dial. */
  readonly serves: boolean;
  readonly validity: Validity;
}

async function issue(ca: Credentials, request: LeafRequest): Promise<Credentials> {
  const owner = clusterOfCa(ca.cert);
  if (owner !== request.cluster) {
    throw new GraftError("config", `this authority belongs to the cluster "${owner}", not to "${request.cluster}"`);
  }
  const signingKey = await importAuthorityKey(ca);
  const x509 = await loadX509();
  const signer = new x509.X509Certificate(ca.cert);
  const keys = await generateKeys();
  const cert = await x509.X509CertificateGenerator.create({
    serialNumber: randomSerial(),
    subject: subject(request.commonName, request.cluster),
    issuer: signer.subjectName.toJSON(),
    ...validity(request.validity, LEAF_DAYS, signer.notAfter.getTime()),
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: SIGNING_ALGORITHM,
    extensions: await leafExtensions(x509, request, keys.publicKey, signer),
  });
  return { cert: pem(cert), key: await privatePem(x509, keys.privateKey) };
}

async function leafExtensions(
  x509: X509Library,
  request: LeafRequest,
  publicKey: CryptoKey,
  signer: MadeCertificate,
): Promise<Extension[]> {
  const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;
  return [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension(request.serves ? [serverAuth, clientAuth] : [clientAuth]),
    new x509.SubjectAlternativeNameExtension([{ type: "url", value: request.uri }, ...request.hosts]),
    await x509.SubjectKeyIdentifierExtension.create(publicKey),
    await x509.AuthorityKeyIdentifierExtension.create(signer.publicKey),
  ];
}

function parseCertificate(certPem: string): X509Certificate {
  try {
    return new X509Certificate(certPem);
  } catch (cause) {
    throw new GraftError("config", "this is not a certificate in PEM form", { cause });
  }
}

/** A key that does not belong to the certificate would sign certificates that nobody accepts: refused here. */
async function importAuthorityKey(ca: Credentials): Promise<CryptoKey> {
  const key = parsePrivateKey(ca.key);
  if (key.asymmetricKeyType !== "ec" || key.asymmetricKeyDetails?.namedCurve !== "prime256v1") {
    throw new GraftError("config", "the authority's key is not an ECDSA key on the curve P-256");
  }
  if (!parseCertificate(ca.cert).checkPrivateKey(key)) {
    throw new GraftError("config", "the authority's key does not belong to its certificate");
  }
  const pkcs8 = key.export({ format: "der", type: "pkcs8" });
  return crypto.subtle.importKey("pkcs8", pkcs8, KEY_ALGORITHM, false, ["sign"]);
}

function parsePrivateKey(keyPem: string): KeyObject {
  try {
    return createPrivateKey(keyPem);
  } catch (cause) {
    throw new GraftError("config", "the authority's key is not an unencrypted private key in PEM form", { cause });
  }
}

function generateKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(KEY_ALGORITHM, true, ["sign", "verify"]);
}

function subject(commonName: string, cluster: string): { [attribute: string]: string[] }[] {
  return [{ O: [cluster] }, { CN: [commonName.slice(0, 64)] }];
}

function validity(asked: Validity, defaultDays: number, latestMs: number): { notBefore: Date; notAfter: Date } {
  const days = asked.days ?? defaultDays;
  const nowMs = (asked.now ?? new Date()).getTime();
  const endMs = Math.min(nowMs + days * DAY_MS, latestMs);
  if (!(days > 0)) throw new GraftError("usage", `a certificate cannot be valid for ${days} days`);
  if (endMs <= nowMs)
    throw new GraftError("config", "the authority has expired: create a new one with `graft certs init`");
  return { notBefore: new Date(nowMs - CLOCK_SKEW_MS), notAfter: new Date(endMs) };
}

/** 126 random bits in 16 bytes: positive, as the encoding wants it, and never the same twice. */
function randomSerial(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return Buffer.from(bytes).toString("hex");
}

function pem(cert: MadeCertificate): string {
  return `${cert.toString("pem").trim()}\n`;
}

async function privatePem(x509: X509Library, key: CryptoKey): Promise<string> {
  return `${x509.PemConverter.encode(await crypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY").trim()}\n`;
}
