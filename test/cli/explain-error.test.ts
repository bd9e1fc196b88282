// The table from errors to exit codes and words; that a process really ends with them is test/e2e's matter.
import { describe, expect, test } from "bun:test";
import { checked, explain, Failure } from "../../src/cli/explain-error.ts";
import { type ErrorCode, GraftError } from "../../src/errors.ts";

describe("every code has an exit code", () => {
  const codes: Readonly<Record<ErrorCode, number>> = {
    rejected: 1,
    "state-machine": 1,
    unauthorized: 1,
    config: 1,
    plugin: 1,
    storage: 1,
    usage: 2,
    "not-leader": 3,
    unavailable: 3,
    overloaded: 3,
    "session-expired": 3,
    "outcome-unknown": 4,
  };
  test.each(Object.entries(codes))("%s: %d", (code, exitCode) => {
    expect(explain(new GraftError(code as ErrorCode, "x"))).toMatchObject({ code, exitCode, message: "x" });
  });

  test("only outcome-unknown leaves in doubt whether the command took effect", () => {
    const inDoubt = Object.keys(codes).filter((code) =>
      /may not/.test(explain(new GraftError(code as ErrorCode, "")).data ?? ""),
    );
    expect(inDoubt).toEqual(["outcome-unknown"]);
  });
});

test("a failure may have its own exit code, words and fields", () => {
  const failure = new Failure(new GraftError("rejected", "x"), { data: "it took effect" }, { index: 7 });
  expect(explain(failure)).toMatchObject({
    code: "rejected",
    exitCode: 1,
    data: "it took effect",
    fields: { index: 7 },
  });
});

test("a mistake in a file is wrong usage; what else goes wrong while reading is not", () => {
  const failing = (error: Error) => (): never => {
    throw error;
  };
  const thrown = (error: Error): unknown => {
    try {
      return checked(failing(error));
    } catch (caught) {
      return caught;
    }
  };
  expect(explain(thrown(new GraftError("config", "x"))).exitCode).toBe(2);
  expect(explain(thrown(new GraftError("storage", "x"))).exitCode).toBe(1);
});

test("what is no error of Graft's is a mistake in Graft", () => {
  expect(explain(new TypeError("x"))).toMatchObject({ code: "internal", exitCode: 1 });
  expect(explain("x")).toMatchObject({ code: "internal", message: "x" });
});
