// How is @peculiar/x509 loaded? After the reflection polyfill that it asks its host for, and only when a certificate is
// made: it is large. Two imports in a row, and not two import statements: of those Bun and its bundler may run the
// CommonJS ones in another order.
import type * as x509 from "@peculiar/x509";

export type X509Library = typeof x509;

export async function loadX509(): Promise<X509Library> {
  await import("reflect-metadata");
  return import("@peculiar/x509");
}
