// Who is on the other side? The one graft URI among the subject's alternative names of a certificate whose chain has been
// verified: `graft://<cluster>/node/<id>` or `graft://<cluster>/client/<name>`. Nothing else in it is believed.
import type { X509Certificate } from "node:crypto";
import { isName } from "../../core/name.ts";

export type Identity =
  | { readonly role: "node"; readonly cluster: string; readonly id: string }
  | { readonly role: "client"; readonly cluster: string; readonly name: string };

const graftUri = /^graft:\/\/([^/]+)\/(node|client)\/([^/]+)$/;

/** The URI's identity, or null when it is not exactly of one of the two forms. */
export function parseIdentity(uri: string): Identity | null {
  const [, cluster, role, name] = graftUri.exec(uri) ?? [];
  if (cluster === undefined || name === undefined || !isName(cluster) || !isName(name)) return null;
  return role === "node" ? { role, cluster, id: name } : { role: "client", cluster, name };
}

/**
 * The identity of a certificate, or in words why it has none. `subjectAltName` is one text of all names; a name that holds
 * a comma or a quote stands in quotes there. None of Graft's does, so any quote makes the whole certificate unacceptable.
 */
export function identityOf(certificate: X509Certificate | undefined): Identity | string {
  const names = certificate?.subjectAltName ?? "";
  if (names.includes('"')) return "the certificate carries names that cannot be read safely";
  const uris = names
    .split(", ")
    .filter((name) => name.startsWith("URI:"))
    .map((name) => name.slice("URI:".length))
    .filter((uri) => /^graft:/i.test(uri));
  if (uris.length > 1) return "the certificate carries more than one Graft identity";
  const [uri] = uris;
  if (uri === undefined) return "the certificate carries no Graft identity (a URI like graft://<cluster>/node/<id>)";
  return parseIdentity(uri) ?? `the certificate's identity is malformed: ${JSON.stringify(uri)}`;
}

export const nameOf = (identity: Identity): string => (identity.role === "node" ? identity.id : identity.name);

/** For people: `node n1`, `client admin`. */
export const describeIdentity = (identity: Identity): string => `${identity.role} ${nameOf(identity)}`;
