// SQL falls into words as SQLite's own tokenizer has them. That the two agree is shown with SQLite itself.
import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { array, assert, constantFrom, property } from "fast-check";
import { foldedName, nameOf, tokensOf } from "../../../plugins/sql/tokens.ts";

const told = (sql: string): readonly string[] => tokensOf(sql).map(({ kind, value }) => `${kind} ${value}`);

describe("tokens", () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ["select a,b", ["word SELECT", "word A", "sign ,", "word B"]],
    ["'it''s' \"a\"\"b\" `c``d` [e f]", ["string it's", 'quoted a"b', "quoted c`d", "quoted e f"]],
    ["x'00fF' X'' x'0'", ["blob x'00fF'", "blob X''", "word X", "string 0"]],
    [
      "1 .5 5. 1e5 1.5E-3 0x1F 1_000",
      ["1", ".5", "5.", "1e5", "1.5E-3", "0x1F", "1_000"].map((each) => `number ${each}`),
    ],
    ["? ?12 :a $b @c $d::e(f)", ["?", "?12", ":a", "$b", "@c", "$d::e(f)"].map((each) => `parameter ${each}`)],
    ["a-- b\nc /* d */ e /* f", ["word A", "word C", "word E"]],
    ["/**/a/***/b/*/ c */d", ["word A", "word B", "word D"]],
    ["'-- a' \"/* b\" c", ["string -- a", "quoted /* b", "word C"]],
    ["a'b'", ["word A", "string b"]],
    ["5abc", ["illegal 5", "word ABC"]],
    ["'open", ["illegal 'open"]],
    ["äé_1$ \ufeffb", ["word äé_1$", "word B"]],
    ["a->>'b'", ["word A", "sign -", "sign >", "sign >", "string b"]],
  ];
  test.each(cases)("of %s", (sql, tokens) => {
    expect(told(sql)).toEqual([...tokens]);
  });

  test("cover the text from left to right, each with the characters that it stands for", () => {
    const pieces = constantFrom(
      "a",
      "'",
      '"',
      "`",
      "[",
      "]",
      "--",
      "/*",
      "*/",
      "\n",
      " ",
      "1",
      ".",
      "e",
      "x'",
      "?",
      ":",
      "$",
      "(",
      ")",
      ";",
    );
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
