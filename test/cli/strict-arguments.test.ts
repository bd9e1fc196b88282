// What may be typed after a command: what is right reaches the command as it was meant, what is wrong is refused by name.
import { describe, expect, test } from "bun:test";
import { command, type Context } from "../../src/cli/command.ts";
import { Output } from "../../src/cli/output.ts";
import { checkArguments } from "../../src/cli/strict-arguments.ts";

const output = new Output({ json: true, quiet: false, verbose: false });
const noValues: Context = { output, values: () => [], program: [] };

const seen: unknown[] = [];
const sample = command({
  summary: "for these tests",
  args: {
    first: { type: "positional", required: true },
    second: { type: "positional", required: false },
    json: { type: "boolean" },
    timeout: { type: "string" },
    cluster: { type: "string", alias: "c" },
    file: { type: "string" },
    stdin: { type: "string" },
  },
  repeatable: ["file"],
  optionalValue: ["stdin"],
  examples: [],
  run: async (args) => void seen.push({ ...args }),
});
const check = (...typed: readonly string[]): ReturnType<typeof checkArguments> =>
  checkArguments("graft sample", sample, typed);
const refusal = (...typed: readonly string[]): string => {
  try {
    check(...typed);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("it was taken");
};

/** What citty makes of what was typed, once it has been checked. */
async function parsed(...typed: readonly string[]): Promise<unknown> {
  seen.length = 0;
  await sample.run(check(...typed).words, noValues);
  return seen[0];
}

describe("what is right reaches the command as it was meant", () => {
  test("flags before, between and after; with a space or an equals sign; by their alias", async () => {
    const wanted = { first: "a", second: "b", json: true, timeout: "2s", cluster: "h:1" };
    expect(await parsed("a", "b", "--json", "--timeout", "2s", "-c", "h:1")).toMatchObject(wanted);
    expect(await parsed("--timeout=2s", "a", "--json", "b", "--cluster=h:1")).toMatchObject(wanted);
    expect(await parsed("-c=h:1", "--json", "a", "--timeout", "2s", "b")).toMatchObject(wanted);
  });

  test("values and positionals that look like something else", async () => {
    expect(await parsed("-5")).toMatchObject({ first: "-5" });
    expect(await parsed("-")).toMatchObject({ first: "-" });
    expect(await parsed("--", "--json", "-c")).toMatchObject({ first: "--json", second: "-c" });
    expect(await parsed("a", "--file=--json")).toMatchObject({ file: "--json" });
    expect(await parsed("", "--file=a=b")).toMatchObject({ first: "", file: "a=b" });
    expect(await parsed("a", "--timeout", "-5")).toMatchObject({ timeout: "-5" });
    expect(await parsed("a", "--file=no-json")).not.toHaveProperty("json");
  });

  test("a flag that may be repeated keeps all its values", () => {
    expect(check("a", "--file", "x", "--file=y").values.get("file")).toEqual(["x", "y"]);
  });

  test("a value that may be left out", () => {
    expect(check("a", "--stdin", "--json").values.get("stdin")).toEqual([""]);
    expect(check("a", "--stdin").values.get("stdin")).toEqual([""]);
    expect(check("a", "--stdin", "value").values.get("stdin")).toEqual(["value"]);
    expect(check("a", "--stdin=value").values.get("stdin")).toEqual(["value"]);
  });
});

describe("what is wrong is refused, and nothing is guessed", () => {
  test.each([
    [["a", "--jsn"], "unknown flag --jsn (did you mean --json?)"],
    [["a", "--no-json"], "unknown flag --no-json"],
    [["a", "-x"], "unknown flag -x"],
    [["a", "--json=true"], "--json takes no value"],
    [["a", "--timeout"], "--timeout needs a value"],
    [["a", "--timeout", "--json"], "--timeout needs a value"],
    [["a", "--timeout="], "--timeout needs a value"],
    [["a", "--timeout", "1", "--timeout", "2"], "--timeout was given more than once"],
    [["a", "-c", "x", "--cluster", "y"], "--cluster was given more than once"],
    [["--json"], "FIRST is missing"],
    [["a", "b", "c"], '"c" is one argument too many'],
  ])("%p", (typed, problem) => {
    expect(refusal(...typed)).toStartWith(problem);
    expect(refusal(...typed)).toEndWith("see: graft sample --help");
  });
});
