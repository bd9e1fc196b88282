// A chain of what has happened, in a few bytes: equal only where all of it is.
const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder();

/** @param chain null: nothing has happened yet */
export const longer = (chain: Uint8Array | null, link: string): Uint8Array =>
  utf8.encode(Bun.hash.xxHash3(`${chain === null ? "" : fromUtf8.decode(chain)} ${link}`).toString(16));
