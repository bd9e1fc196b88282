// A program that counts, as a process of its own for the tests. Its argument says which promise it breaks; `good` keeps all of them.
import { createInterface } from "node:readline";

const [, , flaw = "good"] = process.argv;
interface Counters {
  sums: Record<string, number>;
  total: number;
}
interface Asked {
  readonly operation: string;
  readonly input: unknown;
  readonly reply?: boolean;
}
interface Request {
  readonly type: string;
  readonly commands: readonly (Asked & { readonly index: number })[];
  readonly queries: readonly Asked[];
  readonly items: readonly [string, number][];
}

let state: Counters = { sums: {}, total: 0 };
let frozen: readonly [string, number][] = [];
let isThawed = false;

const send = (message: unknown): void => void process.stdout.write(`${JSON.stringify(message)}\n`);

const sources: Readonly<Record<string, () => number>> = {
  clock: () => Date.now(),
  seconds: () => Math.floor(Date.now() / 1_000),
  chance: () => Math.random(),
  place: () => new Date(0).getTimezoneOffset(),
};

function apply({ input, operation, reply }: Asked, size: number): unknown {
  const key = typeof input === "string" ? input : "";
  if (flaw === "rejected") state.total++;
  if (key === "" || operation !== "add") return { rejected: "the input is no key" };
  if (flaw === "dies") process.exit(7);
  if (flaw === "prints") process.stdout.write("added\n");
  if (flaw === "fails") return { failed: "no such key" };
  if (flaw === "hangs") for (;;);
  if (flaw === "unsendable") return { ok: "\ud800" };
  const by = flaw === "reply" && reply === false ? 2 : flaw === "batch" ? size : 1;
  state.sums[key] = (state.sums[key] ?? 0) + by + (sources[flaw]?.() ?? 0);
  state.total++;
  return { ok: [state.sums[key], state.total] };
}

function query({ input }: Asked): unknown {
  if (flaw === "query") state.total++;
  return { ok: typeof input === "string" ? (state.sums[input] ?? null) : state.total };
}

let snapshots = 0;
const itemsOfState = (): readonly [string, number][] => {
  const items = Object.entries(state.sums).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const order = flaw === "unsorted" && snapshots++ % 2 === 1 ? items.toReversed() : items;
  return flaw === "forgets" ? order : [...order, ["", state.total]];
};

function answer(request: Request): unknown {
  switch (request.type) {
    case "apply": {
      const { commands } = request;
      const results = commands.map((each) => apply(each, commands.length));
      return { type: "applied", through: commands.at(-1)!.index, results };
    }
    case "query":
      return { type: "answered", results: request.queries.map(query) };
    case "snapshot":
      if (flaw === "snapshot") return { type: "failed", message: "no memory" };
      frozen = itemsOfState();
      isThawed = flaw === "thawed";
      return { type: "done" };
    case "read":
      return { type: "items", items: isThawed ? itemsOfState() : frozen, last: true };
    case "restore":
      if (flaw !== "keeps") state = { sums: {}, total: 0 };
      return { type: "done" };
    case "items":
      for (const [key, value] of request.items) {
        if (key === "") state.total = value;
        else state.sums[key] = value;
      }
      return { type: "done" };
    default:
      return { type: "done" };
  }
}

const examples = ["a", "b", "c"].flatMap((input) => [
  { kind: "command", operation: "add", input },
  { kind: "query", operation: "sum", input },
]);
const hello = { graft: 1, type: "hello", name: "counters", version: "1", commands: ["add"], queries: ["sum"] };
send({ ...hello, snapshots: flaw !== "bare", examples });
for await (const line of createInterface(process.stdin)) send(answer(JSON.parse(line) as Request));
