// What can an author do about a rule that the plugin breaks? A sentence for each, as the first step of what to do next.

const outside =
  "Keep everything that a command reads or changes in the state that create returns, or take it from ctx.";

export const snapshotRule = "a snapshot fails";
/** A promise or a timer of the plugin fails. */
export const outsideRule = "the plugin fails outside of its functions";

export const remedies = {
  unsendable:
    "Return null, booleans, numbers, strings, bytes, arrays and plain objects only. Write a Map, a Date or a class out.",
  unwritable:
    "Let the items of snapshot be null, booleans, numbers, strings, bytes, arrays and plain objects only. Write a Map, a Date or a class out.",
  leftBehind: "Start no promise and no timer, neither in a function nor while the module loads.",
  /** @param reason what was thrown, with the remedy that the error names */
  thrown: (reason: string, rule: string): string => {
    if (rule === outsideRule) return remedies.leftBehind;
    if (rule === snapshotRule && reason.includes("CBOR does not carry")) return remedies.unwritable;
    if (reason.startsWith("Forbidden"))
      return "Do what the error says: ctx.timeMs, ctx.random() and the input are the same on every node.";
    if (/Promise/.test(reason))
      return "Finish before the function returns: no async, no await, no then. Let the client wait, and send what came of it.";
    if (rule === "due fails")
      return "Let due throw nothing, not even Rejected: nobody waits for its answer, and the state machine stops.";
    if (rule === "a command fails")
      return 'Check the input and the state first, and refuse with throw new Rejected("…"), which every node does alike.';
    return "Correct what was thrown. --verbose shows where.";
  },
  query: "Read only in a query. Let a command make the change.",
  rejected: "Check first, then change: what a command did to the state before it threw Rejected stays done.",
  snapshot: "Build the items in snapshot without changing the state.",
  thawed:
    "Freeze the state before snapshot returns: keep large parts in a SnapshotMap, and copy the rest or return an array. On disk, read the first row in a transaction of its own.",
  unequalSnapshots: "Let snapshot depend on the state alone.",
  exit: "Leave the process and the thread alone: no process.exit, and nothing that ends them.",
  loop: "Give each loop of the function an end that does not depend on the state.",
  outside: (field: string | null): string =>
    field === null
      ? `Look for variables of the module, and for an order that the state does not fix. ${outside}`
      : `Look for what ${field} is computed from. ${outside}`,
  snapshotOf: (field: string | null): string =>
    field === null
      ? "Let snapshot write all that the answer depends on, in an order that restore keeps."
      : `Have snapshot write ${field}, and restore put it back.`,
  commitOf: (field: string | null): string =>
    `Keep the whole state in the files of its folder, and make changes durable only in commit, in one transaction with the records${field === null ? "" : `. Look at ${field}`}.`,
  records:
    "Keep each record until a later commit has another value for its key, or null, which removes it. Let records return all of them.",
  clear:
    "Let clear change nothing on disk. What it removes is gone with the next commit, in the transaction of that commit.",
  restoreOf: (field: string | null): string =>
    `Let restore depend on the item and on the state that create made, and on no variable of the module${field === null ? "" : `. Look at ${field}`}.`,
  place: (field: string | null): string =>
    `Do not ask where the code runs: no environment variables, files, time zone, locale, process or thread. Look for what ${field ?? "the answer"} depends on.`,
} as const;
