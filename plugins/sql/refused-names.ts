// What may SQL not say here, and why? Whatever could differ between two nodes, between a node and its own restart, or between a state and
// the same state restored from a snapshot. Functions that are in no table here are refused too: they are new in SQLite.

/** The first words of statements that are refused. */
export const refusedStatements: ReadonlyMap<string, string> = new Map([
  ["ATTACH", "a node has one database"],
  ["DETACH", "a node has one database"],
  ["PRAGMA", "the settings are the same on every node; the schema is in sqlite_schema"],
  ["VACUUM", "it may give rows other rowids"],
  ["ANALYZE", "the order of rows would depend on statistics"],
  ["REINDEX", "indexes are always up to date"],
  ...["BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE"].map(
    (word) => [word, "a script is one transaction already, all or nothing; leave it out"] as const,
  ),
]);

/** Words that are refused anywhere in a statement, with the word before where only the two together are. */
export const refusedWords: ReadonlyMap<string, { readonly after: string | null; readonly why: string }> = new Map([
  ["ROLLBACK", { after: null, why: "it would take back other commands; use ABORT" }],
  [
    "DEFERRED",
    { after: "INITIALLY", why: "a constraint is checked in the command that breaks it; use INITIALLY IMMEDIATE" },
  ],
]);

const connection = "it depends on the connection";
const build = "it depends on how the program was built";
const inside = "it shows or changes the inside of SQLite";
const textSearch = "virtual tables are refused, and so is what belongs to them";

/** Functions that are refused by name. */
export const refusedFunctions: ReadonlyMap<string, string> = new Map([
  ["total_changes", connection],
  ["sqlite_version", build],
  ["sqlite_source_id", build],
  ["sqlite_compileoption_get", build],
  ["sqlite_compileoption_used", build],
  ["load_extension", "extensions are refused"],
  ["sqlite_log", inside],
  ...["fts3_tokenizer", "fts5", "fts5_get_locale", "fts5_insttoken", "fts5_locale", "fts5_source_id"].map(
    (name) => [name, textSearch] as const,
  ),
  ...["bm25", "highlight", "match", "matchinfo", "offsets", "optimize", "snippet"].map(
    (name) => [name, textSearch] as const,
  ),
  ...["rtreecheck", "rtreedepth", "rtreenode", "geopoly_debug"].map((name) => [name, textSearch] as const),
]);

/** Functions that see the state of this script, and of no statement before it. They have no place in what the schema holds. */
export const scriptFunctions: ReadonlySet<string> = new Set(["changes", "last_insert_rowid"]);

/** Functions that take replicated values. The number is the place of the first date that they take; the default of a date is the present. */
export const dateFunctions: ReadonlyMap<string, { readonly at: number; readonly dates: number }> = new Map([
  ["date", { at: 0, dates: 1 }],
  ["time", { at: 0, dates: 1 }],
  ["datetime", { at: 0, dates: 1 }],
  ["julianday", { at: 0, dates: 1 }],
  ["unixepoch", { at: 0, dates: 1 }],
  ["strftime", { at: 1, dates: 1 }],
  ["timediff", { at: 0, dates: 2 }],
]);

export const replicatedFunctions: readonly string[] = [
  "random",
  "randomblob",
  "current_date",
  "current_time",
  "current_timestamp",
];

/** Functions of which the last digit comes from the machine: its library of mathematics and its processor. A query may call them. */
export const machineFunctions: ReadonlySet<string> = new Set(
  "acos acosh asin asinh atan atan2 atanh cos cosh exp ln log log10 log2 pow power sin sinh tan tanh".split(" "),
);
export const machineWhy = "its last digit depends on the machine; only a query may call it";

/** Functions of their arguments alone. */
const pure = `
  -> ->> abs avg ceil ceiling char coalesce concat concat_ws count cume_dist degrees dense_rank first_value floor format glob group_concat
  hex if ifnull iif instr json json_array json_array_insert json_array_length json_error_position json_extract json_group_array
  json_group_object json_insert json_object json_patch json_pretty json_quote json_remove json_replace json_set json_type json_valid jsonb
  jsonb_array jsonb_array_insert jsonb_extract jsonb_group_array jsonb_group_object jsonb_insert jsonb_object jsonb_patch jsonb_remove
  jsonb_replace jsonb_set lag last_value lead length like likelihood likely lower ltrim max median min mod nth_value ntile nullif
  octet_length percent_rank percentile percentile_cont percentile_disc pi printf quote radians rank replace round row_number rtrim sign sqrt
  string_agg substr substring subtype sum total trim trunc typeof unhex unicode unistr unistr_quote unlikely upper zeroblob
  geopoly_area geopoly_bbox geopoly_blob geopoly_ccw geopoly_contains_point geopoly_group_bbox geopoly_json geopoly_overlap geopoly_regular
  geopoly_svg geopoly_within geopoly_xform`;
const pureFunctions: ReadonlySet<string> = new Set(pure.trim().split(/\s+/));

/** Whether SQL may call it. */
export const isKnownFunction = (name: string): boolean =>
  pureFunctions.has(name) ||
  machineFunctions.has(name) ||
  scriptFunctions.has(name) ||
  dateFunctions.has(name) ||
  replicatedFunctions.includes(name);

/** Tables that every connection has, and that show more than the state. Those of pragmas begin with `pragma_`. */
export const refusedTables: ReadonlySet<string> = new Set([
  "dbstat",
  "fts3tokenize",
  "sqlite_dbpage",
  "sqlite_stmt",
  "bytecode",
  "tables_used",
]);

/** Names of what the plugin keeps for itself begin with it. */
export const ownPrefix = "graft_";

/** Functions that stand in a text after it was rewritten. The schema shows both, so a client may send them. */
export const nowFunction = `${ownPrefix}now`;
export const turnFunction = `${ownPrefix}turn`;

/** What stands for `sqlite_schema`: without the numbers of pages, which differ between nodes. */
export const schemaView = `${ownPrefix}schema`;

export const schemaNames: ReadonlySet<string> = new Set(["sqlite_schema", "sqlite_master"]);

/** Why a name is refused wherever it is; null: it is not. A text in quotes may be the name of a table, too. */
export function refusalOfName(name: string): string | null {
  if (schemaNames.has(name)) return null;
  if (name.startsWith("pragma_")) return refusedStatements.get("PRAGMA")!;
  if (refusedTables.has(name)) return inside;
  if (name.startsWith("sqlite_") && !refusedFunctions.has(name)) return inside;
  if (name.startsWith(ownPrefix)) return `names that begin with ${ownPrefix} belong to this state machine`;
  return null;
}

/** Texts in single quotes that are refused, since SQLite takes a text for a name where it expects one. Its own names are words; those of clients hold any character. */
export const isRefusedText = (text: string): boolean =>
  text.startsWith(ownPrefix) || schemaNames.has(text) || (/^\w+$/.test(text) && refusalOfName(text) !== null);
