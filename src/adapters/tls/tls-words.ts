// What does a TLS or socket failure mean, in words for an operator? BoringSSL and the system speak in codes; what a
// person can act on is which certificate is wrong, or that nothing listens there.
import { X509Certificate } from "node:crypto";

/** Which of the two sides opened the connection. */
export type Side = "dialled" | "accepted";

/** PEM texts of the private authority, and of this side's certificate and key. */
export interface TlsMaterial {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/**
 * Why a connection ended: nothing listens at the address (`vacant`: the host itself says so), this side could not try (`unable`:
 * nothing is known of the other one), not reached otherwise, reached but one side does not trust the other's certificate, or
 * otherwise closed.
 */
export interface LinkEnd {
  readonly kind: "vacant" | "unable" | "unreachable" | "untrusted" | "closed";
  readonly reason: string;
}

const otherAuthority = "certificate is signed by another CA";

const byCode: Readonly<Record<string, string>> = {
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: otherAuthority,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: otherAuthority,
  SELF_SIGNED_CERT_IN_CHAIN: otherAuthority,
  DEPTH_ZERO_SELF_SIGNED_CERT: "certificate is signed by itself and not by the cluster's CA",
  CERT_SIGNATURE_FAILURE: otherAuthority,
  UNABLE_TO_GET_ISSUER_CERT: "certificate is missing or its CA is unknown",
  CERT_HAS_EXPIRED: "certificate has expired",
  CERT_NOT_YET_VALID: "certificate is not valid yet: compare the clocks",
  CERT_REVOKED: "certificate is revoked",
  INVALID_PURPOSE: "certificate is not made for this use: a client's cannot serve as a node's",
};

/** What appears in the text of an EPROTO; `ALERT` is what the other side told us. */
const byText: readonly (readonly [RegExp, LinkEnd["kind"], string])[] = [
  [/PEER_DID_NOT_RETURN_A_CERTIFICATE/, "untrusted", "the other side has no certificate"],
  [/ALERT_CERTIFICATE_REQUIRED/, "untrusted", "the node demands a client certificate, and none was given"],
  [/ALERT_UNKNOWN_CA/, "untrusted", "the other side does not know the CA of this side's certificate"],
  [/ALERT_CERTIFICATE_EXPIRED/, "untrusted", "the other side says that this side's certificate has expired"],
  [/ALERT_[A-Z_]*CERTIFICATE/, "untrusted", "the other side does not accept this side's certificate"],
  [/ALERT_PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL/, "untrusted", "no TLS version in common: Graft speaks TLS 1.3 only"],
  [/HTTPS?_(PROXY_)?REQUEST/, "unreachable", "the other side speaks plain HTTP, not TLS"],
  [/WRONG_VERSION_NUMBER|UNEXPECTED_MESSAGE|RECORD/, "unreachable", "the other side does not speak TLS"],
];

export const noDescriptors = "this process has no file descriptors left";

const bySystemCode: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused: nothing listens there",
  ENOTFOUND: "the host name is not known",
  ETIMEDOUT: "no answer",
  EHOSTUNREACH: "no route to the host",
  ENETUNREACH: "no route to the network",
  EADDRNOTAVAIL: "the address is not available",
  EMFILE: noDescriptors,
  ENFILE: "this machine has no file descriptors left",
};

export const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";

export const brokenHandshake: LinkEnd = {
  kind: "unreachable",
  reason: "the other side ended the TLS handshake; it may not accept this side's certificate",
};

/** Why the handshake failed, or an established session broke. */
export function explainHandshake(error: Error | null, side: Side): LinkEnd {
  const code = codeOf(error);
  const ofCertificate = byCode[code];
  const owner = side === "dialled" ? "the node's" : "the other side's";
  if (ofCertificate !== undefined) return { kind: "untrusted", reason: `${owner} ${ofCertificate}` };
  const text = error?.message ?? "";
  const known = byText.find(([pattern]) => pattern.test(text));
  if (known !== undefined) return { kind: known[1], reason: known[2] };
  if (code === "ECONNRESET") return brokenHandshake;
  const detail = error === null ? "the certificate could not be verified" : `${code} ${text}`.trim();
  return { kind: "untrusted", reason: `TLS failed: ${detail}` };
}

interface VerifiedSocket {
  readonly authorized: boolean;
  getAuthorizationError(): Error | null;
}

/**
 * Why the chain of the other side's certificate does not lead to our authority, or null when it does.
 *
 * On the dialling side Bun also compares the host name that was dialled with the certificate. That is deliberately passed
 * over: what identifies a node is the URI in its certificate (identity.ts), not the name or address it happens to be
 * reached by. Bun looks at the name only after the chain has been verified, so that no other failure hides behind this
 * code (a test holds it to that).
 */
export function verificationProblem(socket: VerifiedSocket, error: Error | null, side: Side): LinkEnd | null {
  if (socket.authorized) return null;
  const found = error ?? socket.getAuthorizationError();
  if (side === "dialled" && codeOf(found) === "ERR_TLS_CERT_ALTNAME_INVALID") return null;
  return explainHandshake(found, side);
}

const hungUp = "the other side closed the connection";
const broke = "the connection broke";

export const explainClose = (error: Error | undefined): string =>
  error === undefined ? hungUp : `${broke} (${codeOf(error) || error.message})`;

/** Whether the connection ended because the other side wanted it, or was gone. */
export const isHangUp = (reason: string): boolean => reason === hungUp || reason.startsWith(broke);

/** Why a connection could not be made at all. */
export function explainConnect(error: unknown): LinkEnd {
  const code = codeOf(error);
  const reason = bySystemCode[code] ?? `cannot connect (${code || String(error)})`;
  return { kind: code === "ECONNREFUSED" ? "vacant" : "unreachable", reason };
}

/** What another side could hold against this side's own certificate, in words; null when nothing is found. */
export function ownCertificateProblem(tls: TlsMaterial, nowMs: number): string | null {
  const cert = new X509Certificate(tls.cert);
  const isIssuer = (ca: X509Certificate): boolean => cert.checkIssued(ca) && cert.verify(ca.publicKey);
  const bundle = tls.ca.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (!bundle.some((pem) => isIssuer(new X509Certificate(pem))))
    return "this side's certificate is not signed by the CA it was given";
  if (Date.parse(cert.validTo) < nowMs) return "this side's certificate has expired";
  if (Date.parse(cert.validFrom) > nowMs) return "this side's certificate is not valid yet";
  return null;
}
