// What may a node, a cluster or a client be called? The same everywhere: in files, on the command line, in certificates and in
// frames. Such a name needs no quotes in a shell, a URI or a log line.

export const nameLengthMax = 64;

/** For people. */
export const nameRule = `1 to ${nameLengthMax} letters, digits, dots, underscores or hyphens`;

const form = /^[A-Za-z0-9._-]+$/;

export const isName = (text: string): boolean => text.length <= nameLengthMax && form.test(text);

/** The name of a node, or one of its incarnations: `id@incarnation`. */
export function isMemberName(text: string): boolean {
  const parts = text.split("@");
  return parts.length <= 2 && parts.every(isName);
}
