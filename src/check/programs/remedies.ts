// What can the author of a program do about a rule that it breaks? A sentence or two for each, as the first step of what to do next.

const sources =
  "no clock, no chance, no order of a hash table that differs from run to run, no environment, no files. timeMs, index and term are the same on every node";

const named = (field: string | null, sentence: string): string =>
  field === null ? sentence : `${sentence} Look for what ${field} depends on.`;

export const remedies = {
  failed:
    'Refuse a command with {"rejected": "…"} before anything is changed, and write nothing but messages to the standard output: docs/process.md.',
  hang: "Answer each request, and flush the standard output after each answer.",
  query: 'Answer a query that cannot be answered with {"rejected": "…"}.',
  unsendable: "Let the results be values that docs/process.md allows, of at most 8 MiB.",
  mutating: "Read only in a query. Let a command make the change.",
  rejected:
    'Check first, then change: what a command did to the state before it was answered with "rejected" stays done.',
  unequalSnapshots: "Let the items of a snapshot depend on the state alone, and sort what has no order.",
  thawed: "Copy the state at snapshot, before it is answered. Hand out the copy at read.",
  same: (field: string | null): string =>
    named(field, `Let the state and the answers follow from the commands and their order alone: ${sources}.`),
  batch: (field: string | null): string =>
    named(field, "Apply each command of a request in the same way, one after the other, whatever reply says."),
  snapshot: (field: string | null): string =>
    named(field, "Hand out at read all that the answers depend on, and take all of it in at items."),
  restore: (field: string | null): string => named(field, "Empty the whole state at restore, before the first items."),
} as const;
