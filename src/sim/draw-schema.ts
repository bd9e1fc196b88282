// What could a client send that this schema accepts? Draws from schemas of valibot by what they say of themselves. The values come from
// small pools, so that operations meet at the same keys. What a pipe demands beyond that is found by trying.
import type { Draw } from "../adapters/plugin/api.ts";

/** The values of this schema cannot be drawn. */
export class NotDrawable extends Error {}

/** What every object of valibot has; which other fields there are depends on `type`. */
interface Described {
  readonly kind: string;
  readonly type: string;
  readonly pipe?: readonly Described[];
  readonly requirement?: unknown;
  readonly [field: string]: unknown;
}

type Drawer = (schema: Described, draw: Draw, at: Place) => unknown;

/** Where in the input something is drawn, for errors; and how deep, since a schema may contain itself. */
interface Place {
  readonly path: string;
  readonly depth: number;
}

const triesMax = 200;
/** Deeper inside a schema that contains itself, lists are empty; and where that does not end it, nothing does. */
const depthMax = 6;
const endlessDepth = 50;
/** Of the whole numbers that are drawn where nothing bounds them. */
const usualWidth = 5;
const absent = Symbol("absent");

/** A value that `schema` accepts, as a client would send it. Throws `NotDrawable`. */
export function drawFrom(schema: unknown, bytesSchema: unknown, draw: Draw): unknown {
  return new SchemaDraw(draw, bytesSchema).from(schema, { path: "", depth: 0 });
}

class SchemaDraw {
  readonly #draw: Draw;
  readonly #bytesSchema: unknown;

  constructor(draw: Draw, bytesSchema: unknown) {
    this.#draw = draw;
    this.#bytesSchema = bytesSchema;
  }

  from(schema: unknown, at: Place): unknown {
    if (schema === this.#bytesSchema) return this.#draw.bytes(this.#draw.integer(0, 3));
    if (!isDescribed(schema)) throw notDrawable(at, "is no schema of valibot");
    const drawer = this.#drawers[schema.type];
    if (drawer === undefined) throw notDrawable(at, `is a schema of the kind ${schema.type}`);
    for (let nth = 0; nth < triesMax; nth++) {
      const drawn = drawer(schema, this.#draw, at);
      if (accepts(schema, drawn)) return drawn;
    }
    throw notDrawable(at, `accepted none of ${triesMax} values that were tried`);
  }

  readonly #drawers: Readonly<Record<string, Drawer>> = {
    string: drawString,
    number: drawNumber,
    boolean: (_, draw) => draw.happens(0.5),
    null: () => null,
    any: drawAnything,
    unknown: drawAnything,
    literal: ({ literal }) => literal,
    picklist: ({ options }, draw) => draw.pick(options as readonly unknown[]),
    enum: (schema, draw) => draw.pick((schema["options"] ?? Object.values(schema["enum"] as object)) as unknown[]),
    nullable: ({ wrapped }, draw, at) => (draw.happens(0.3) ? null : this.from(wrapped, at)),
    nullish: ({ wrapped }, draw, at) => (draw.happens(0.3) ? null : this.from(wrapped, at)),
    optional: ({ wrapped }, _, at) => this.from(wrapped, at),
    exact_optional: ({ wrapped }, _, at) => this.from(wrapped, at),
    undefinedable: ({ wrapped }, _, at) => this.from(wrapped, at),
    non_nullable: ({ wrapped }, _, at) => this.#except([null], wrapped, at),
    non_nullish: ({ wrapped }, _, at) => this.#except([null, undefined], wrapped, at),
    non_optional: ({ wrapped }, _, at) => this.from(wrapped, at),
    array: (schema, draw, at) => this.#array(schema, draw, at),
    tuple: ({ items }, _, at) => (items as unknown[]).map((item, nth) => this.from(item, inside(at, String(nth)))),
    strict_tuple: ({ items }, _, at) => (items as unknown[]).map((item, nth) => this.from(item, inside(at, `${nth}`))),
    loose_tuple: ({ items }, _, at) => (items as unknown[]).map((item, nth) => this.from(item, inside(at, `${nth}`))),
    object: (schema, draw, at) => this.#object(schema, draw, at),
    strict_object: (schema, draw, at) => this.#object(schema, draw, at),
    loose_object: (schema, draw, at) => this.#object(schema, draw, at),
    object_with_rest: (schema, draw, at) => this.#object(schema, draw, at),
    record: (schema, draw, at) => this.#record(schema, draw, at),
    union: (schema, draw, at) => this.#union(schema, draw, at),
    variant: (schema, draw, at) => this.#union(schema, draw, at),
    intersect: ({ options }, _, at) =>
      Object.assign({}, ...(options as unknown[]).map((option) => this.from(option, at))) as unknown,
    lazy: (schema, _, at) => {
      if (at.depth > endlessDepth) throw notDrawable({ ...at, path: "" }, "contains itself without an end");
      return this.from((schema["getter"] as (input: unknown) => unknown)(undefined), { ...at, depth: at.depth + 1 });
    },
  };

  #object(schema: Described, draw: Draw, at: Place): unknown {
    const drawn: Record<string, unknown> = {};
    for (const [name, entry] of Object.entries(schema["entries"] as Readonly<Record<string, unknown>>)) {
      const value = mayBeAbsent(entry) && draw.happens(0.3) ? absent : this.from(entry, inside(at, name));
      if (value !== absent) drawn[name] = value;
    }
    return drawn;
  }

  #array({ item, pipe }: Described, draw: Draw, at: Place): unknown {
    const { low, high } = lengthsOf(pipe, at.depth > depthMax ? 0 : 3);
    return Array.from({ length: draw.integer(low, high) }, () => this.from(item, inside(at, "…")));
  }

  #record({ key, value, pipe }: Described, draw: Draw, at: Place): unknown {
    const { low, high } = lengthsOf(pipe, at.depth > depthMax ? 0 : 2);
    const length = draw.integer(low, high);
    const entry = (): [string, unknown] => [String(this.from(key, inside(at, "…"))), this.from(value, inside(at, "…"))];
    return Object.fromEntries(Array.from({ length }, entry));
  }

  /** Deep inside of a schema that contains itself, the first option that has an end. */
  #union({ options }: Described, draw: Draw, at: Place): unknown {
    const picked = draw.pick(options as readonly unknown[]);
    const rest = at.depth > depthMax ? (options as readonly unknown[]) : [picked];
    for (const [nth, option] of rest.entries()) {
      try {
        return this.from(option, at);
      } catch (error) {
        if (!(error instanceof NotDrawable) || nth === rest.length - 1) throw error;
      }
    }
    throw notDrawable(at, "has no options");
  }

  #except(excluded: readonly unknown[], wrapped: unknown, at: Place): unknown {
    for (let nth = 0; nth < triesMax; nth++) {
      const drawn = this.from(wrapped, at);
      if (!excluded.includes(drawn)) return drawn;
    }
    throw notDrawable(at, "is never anything but null");
  }
}

const inside = ({ path, depth }: Place, name: string): Place => ({
  path: path === "" ? name : `${path}.${name}`,
  depth: depth + 1,
});

const notDrawable = ({ path }: Place, what: string): NotDrawable =>
  new NotDrawable(`${path === "" ? "its input" : `its input's ${path}`} ${what}`);

function isDescribed(schema: unknown): schema is Described {
  if ((typeof schema !== "object" && typeof schema !== "function") || schema === null) return false;
  return Reflect.get(schema, "kind") === "schema" && typeof Reflect.get(schema, "type") === "string";
}

function mayBeAbsent(schema: unknown): boolean {
  return isDescribed(schema) && ["optional", "exact_optional", "nullish", "undefinedable"].includes(schema.type);
}

/** Only what its parts do not say already has to be asked. */
function accepts(schema: Described, value: unknown): boolean {
  if (schema.pipe === undefined && schema.type !== "intersect" && schema.type !== "variant") return true;
  const standard = schema["~standard"] as { readonly validate: (value: unknown) => unknown };
  const result = standard.validate(value);
  return typeof result === "object" && result !== null && !("then" in result) && !("issues" in result && result.issues);
}

/** What a pipe demands by the actions of this type. */
const demands = (pipe: readonly Described[] | undefined, ...types: readonly string[]): readonly unknown[] =>
  (pipe ?? []).flatMap(({ kind, type, requirement }) =>
    kind === "validation" && types.includes(type) ? [requirement] : [],
  );

const numbersOf = (list: readonly unknown[]): number[] => list.filter((each) => typeof each === "number");

function lengthsOf(pipe: readonly Described[] | undefined, usual: number): { low: number; high: number } {
  const exact = numbersOf(demands(pipe, "length"));
  const least = demands(pipe, "non_empty").length > 0 ? [1] : [];
  const low = Math.max(0, ...least, ...exact, ...numbersOf(demands(pipe, "min_length", "min_entries")));
  const high = Math.min(Math.max(low, usual), ...exact, ...numbersOf(demands(pipe, "max_length", "max_entries")));
  return { low: Math.min(low, high), high };
}

const words = ["a", "b", "c", "a", "b", "c", "d", "", "é", "a b", "A1", "10"];

/** A text of each format that valibot knows by name, and others that patterns often ask for. */
const formats: Readonly<Record<string, readonly string[]>> = {
  email: ["ann@example.org", "bob@example.org"],
  rfc_email: ["ann@example.org", "bob@example.org"],
  uuid: ["7c1f6c0e-5b1d-4f6e-9c1b-0a1b2c3d4e5f", "0e8f3a52-9a4b-4c56-8d7e-1f2a3b4c5d6e"],
  ulid: ["01ARZ3NDEKTSV4RRFFQ69G5FAV", "01BX5ZZKBKACTAV9WEVGEMMVRZ"],
  url: ["https://example.org/a", "https://example.org/b"],
  ipv4: ["10.0.0.1", "10.0.0.2"],
  ip: ["10.0.0.1", "::1"],
  iso_date: ["2026-01-31", "2026-02-01"],
  iso_time: ["12:30", "23:59"],
  iso_date_time: ["2026-01-31T12:30", "2026-02-01T00:00"],
  iso_timestamp: ["2026-01-31T12:30:00.000Z", "2026-02-01T00:00:00.000Z"],
  digits: ["0", "12", "123"],
  decimal: ["0.5", "12"],
  hexadecimal: ["0a", "ff"],
  hex_color: ["#00ff00", "#ff0000"],
  base64: ["YQ==", "Yg=="],
  regex: ["a", "b", "a1", "b2", "A", "B", "A1", "AB12", "abc", "ABC", "1", "42", "0042", "a-b", "a_b", "n1", "€"],
};

function drawString({ pipe }: Described, draw: Draw): unknown {
  const samples = (pipe ?? []).flatMap(({ kind, type }) => (kind === "validation" ? (formats[type] ?? []) : []));
  // A pattern may be met by a text of any format, and a length as well.
  const isPattern = demands(pipe, "regex").length > 0 && draw.happens(0.5);
  const pool = isPattern ? [...words, ...Object.values(formats).flat()] : samples.length > 0 ? samples : words;
  let text = draw.pick(pool);
  for (const part of demands(pipe, "includes")) if (!text.includes(String(part))) text += String(part);
  for (const start of demands(pipe, "starts_with")) text = `${String(start)}${text}`;
  for (const end of demands(pipe, "ends_with")) text = `${text}${String(end)}`;
  if (samples.length > 0 || isPattern) return text;
  const { low, high } = lengthsOf(pipe, 4096);
  return text.padEnd(low, draw.pick(["a", "b"])).slice(0, high);
}

function drawNumber({ pipe }: Described, draw: Draw): unknown {
  const least = numbersOf(demands(pipe, "min_value", "gt_value"));
  const most = numbersOf(demands(pipe, "max_value", "lt_value"));
  const [step] = numbersOf(demands(pipe, "multiple_of"));
  const width = usualWidth * (step ?? 1);
  // Without a bound below it begins at the bound above, if that is low.
  const low = least.length > 0 ? Math.max(...least) : Math.min(-1, Math.min(...most) - width);
  const high = Math.min(...most, Math.max(low + width, least.length > 0 ? low : usualWidth));
  if (step !== undefined) return step * draw.integer(Math.ceil(low / step), Math.floor(high / step));
  const [first, last] = [Math.ceil(low), Math.floor(high)];
  // A bound is where mistakes are.
  if (draw.happens(0.1)) return draw.pick([...least, ...most, 10]);
  const isWhole = demands(pipe, "integer", "safe_integer").length > 0;
  if (first > last || (!isWhole && draw.happens(0.2))) return low + (high - low) * draw.pick([0.25, 0.5, 0.75]);
  return draw.integer(first, last);
}

const drawAnything: Drawer = (_, draw) => draw.pick<unknown>([null, true, false, 0, 1, 2, "a", "b", "c", []]);
