// SQL falls into words as SQLite's own tokenizer has them. That the two agree is shown with SQLite itself.
import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { array, assert, constantFrom, property } from "fast-check";
import { foldedName, nameOf, tokensOf } from "../../../plugins/sql/tokens.ts";

const told = (sql: string): readonly string[] => tokensOf(sql).map(({ kind, value }) => `${kind} ${value}`);

/** Of these, drawn texts consist: the ends and beginnings of tokens, and spaces of all kinds. */
const pieces = constantFrom(
  ..."a ' \" ` [ ] -- /* */ 1 . e x' 0 ? : $ @ # ( ) ; , :: - > | = ! \\ { é".split(" "),
  ..."SELECT SELECT a, 1 + 'b' FROM".split(" "),
  "\n",
  " ",
  "\t",
  "\v",
  "\f",
  "\r",
  "\u00a0",
  "\u2028",
  "\ufeff",
  "\x1f",
);

describe("tokens", () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ["select a,b", ["word SELECT", "word A", "sign ,", "word B"]],
    ["'it''s' \"a\"\"b\" `c``d` [e f]", ["string it's", 'quoted a"b', "quoted c`d", "quoted e f"]],
    ["x'00fF' X'' x'0'", ["blob x'00fF'", "blob X''", "illegal x'0'"]],
    [
      "1 .5 5. 1e5 1.5E-3 0x1F 1_000",
      ["1", ".5", "5.", "1e5", "1.5E-3", "0x1F", "1_000"].map((each) => `number ${each}`),
    ],
    ["? ?12 :a $b @c :d:e", ["?", "?12", ":a", "$b", "@c", ":d", ":e"].map((each) => `parameter ${each}`)],
    ["$a::b :c(d)", ["illegal $a", "illegal :", "parameter :b", "illegal :c", "sign (", "word D", "sign )"]],
    ["a \vb\u00a0c \x1f { #", ["word A", "illegal \v", "word B\u00a0C", "illegal \x1f", "illegal {", "illegal #"]],
    ["a-- b\nc /* d */ e /* f", ["word A", "word C", "word E"]],
    ["a /*", ["word A", "sign /", "sign *"]],
    ["/**/a/***/b/*/ c */d", ["word A", "word B", "word D"]],
    ["'-- a' \"/* b\" c", ["string -- a", "quoted /* b", "word C"]],
    ["a'b'", ["word A", "string b"]],
    ["5abc", ["illegal 5", "word ABC"]],
    ["'open", ["illegal 'open"]],
    ["'it''", ["illegal 'it''"]],
    ["[a]]", ["quoted a", "illegal ]"]],
    ["äé_1$ \ufeffb", ["word äé_1$", "word B"]],
    ["a->>'b'", ["word A", "sign -", "sign >", "sign >", "string b"]],
  ];
  test.each(cases)("of %s", (sql, tokens) => {
    expect(told(sql)).toEqual([...tokens]);
  });

  test("cover the text from left to right, each with the characters that it stands for", () => {
    assert(
      property(array(pieces, { maxLength: 12 }), (parts) => {
        const sql = parts.join("");
        let at = 0;
        for (const { start, end } of tokensOf(sql)) {
          expect(start).toBeGreaterThanOrEqual(at);
          expect(end).toBeGreaterThan(start);
          at = end;
        }
        expect(at).toBeLessThanOrEqual(sql.length);
      }),
    );
  });
});

/** What SQLite says of it. Null: it is good SQL. */
function complaint(db: Database, sql: string): string | null {
  try {
    db.prepare(sql).finalize();
    return null;
  } catch (error) {
    return String(error);
  }
}

/** With one space between any two tokens, but for the characters of one operator. */
function respaced(sql: string): string {
  const tokens = tokensOf(sql);
  return tokens
    .map(({ kind, start, end }, nth) => {
      const next = tokens[nth + 1];
      const isOperator = kind === "sign" && next?.kind === "sign" && next.start === end;
      return sql.slice(start, end) + (isOperator || next === undefined ? "" : " ");
    })
    .join("");
}

test("SQLite reads the same tokens: other spaces between them change nothing", () => {
  using db = new Database(":memory:");
  let examined = 0;
  assert(
    property(array(pieces, { maxLength: 14 }), (parts) => {
      const sql = `SELECT ${parts.join("")}`;
      if (tokensOf(sql).some(({ kind, value }) => kind === "illegal" || value === ";")) return;
      examined++;
      expect([sql, complaint(db, respaced(sql))]).toEqual([sql, complaint(db, sql)]);
    }),
    { numRuns: 2000 },
  );
  expect(examined).toBeGreaterThan(100);
});

test("a name in any quotes and any case is the same name", () => {
  const names = tokensOf('Users "USERS" `users` [uSers]').map(nameOf);
  expect(new Set(names)).toEqual(new Set(["users"]));
  // As in SQLite, only ASCII letters have a case.
  expect(foldedName("ÄB")).toBe("Äb");
});

test("SQLite calls the same function, however its name is written", () => {
  using db = new Database(":memory:");
  let calls = 0;
  db.function("seen", () => ++calls);
  const forms = ["seen()", "SEEN ()", '"seen"()', "[Seen](/* none */)", "`seen` -- x\n()"];
  for (const form of forms) {
    expect(nameOf(tokensOf(form)[0])).toBe("seen");
    db.query(`SELECT ${form}`).get();
  }
  expect(calls).toBe(forms.length);
});
