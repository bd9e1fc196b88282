// The table from errors to exit codes and words; that a process really ends with them is test/e2e's matter.
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { checked, explain, Failure, isForeseen } from "../../src/cli/explain-error.ts";
import { type ErrorCode, errorCodes, GraftError, subjects } from "../../src/errors.ts";

const exitCodeOf: Readonly<Record<ErrorCode, number>> = {
  rejected: 1,
  "state-machine": 1,
  "query-failed": 1,
  "backup-failed": 1,
  "result-lost": 1,
  unauthorized: 1,
  "wrong-cluster": 1,
  config: 1,
  plugin: 1,
  storage: 1,
  damaged: 1,
  usage: 2,
  "not-leader": 3,
  unavailable: 3,
  overloaded: 3,
  "session-expired": 3,
  "apply-failed": 4,
  "outcome-unknown": 4,
};

describe("every code has an exit code", () => {
  test.each(Object.entries(exitCodeOf))("%s: %d", (code, exitCode) => {
    expect(explain(new GraftError(code as ErrorCode, "x"))).toMatchObject({ code, exitCode, message: "x" });
  });

  test("the exit code 4 means that the effect is unknown, of every request", () => {
    for (const subject of subjects) {
      for (const code of errorCodes.filter((each) => each !== "storage")) {
        const { exitCode, effect } = explain(new GraftError(code, "x", { subject }));
        expect([subject, code, exitCode === 4]).toEqual([subject, code, effect === "unknown"]);
      }
    }
  });
});

test("the page for operators lists every code under its exit code", () => {
  const page = readFileSync(join(import.meta.dir, "../../docs/operations.md"), "utf8");
  const listed = [...page.matchAll(/^\| (\d) +\|[^|]*\|([^|]*)\|$/gm)].flatMap(([, exitCode, codes = ""]) =>
    [...codes.matchAll(/`([a-z-]+)`/g)].map(([, code]) => [code, Number(exitCode)]),
  );
  expect(Object.fromEntries(listed)).toEqual(exitCodeOf);
});

test("a failure may have its own exit code and fields, and keeps the meaning of its error", () => {
  const error = new GraftError("result-lost", "x", { subject: "command" });
  expect(explain(new Failure(error, 2, { index: 7 }))).toEqual({
    code: "result-lost",
    effect: "done",
    message: "x",
    meaning: "The command took effect.",
    next: "Do not send it again: read the state with a query.",
    exitCode: 2,
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

test("what is no error of Graft's is a mistake in Graft, with an exit code of its own", () => {
  expect(explain(new TypeError("x"))).toMatchObject({ code: "internal", exitCode: 70 });
  expect(explain("x")).toMatchObject({ code: "internal", message: "x", exitCode: 70 });
  expect([new TypeError("x"), new GraftError("storage", "x")].map(isForeseen)).toEqual([false, true]);
});

test("what the operating system refuses is no mistake in Graft", () => {
  const refused = Object.assign(new Error("EACCES: permission denied"), { code: "EACCES" });
  expect([explain(refused).exitCode, isForeseen(refused)]).toEqual([1, true]);
  const { code, message, meaning, next } = explain(refused);
  expect([code, message]).toEqual(["storage", "EACCES: permission denied"]);
  expect(`${meaning} ${next}`).not.toContain("mistake");
});

test("a file that the operating system refuses is told of as such", () => {
  const refused = Object.assign(new Error("EACCES: permission denied, open 'x'"), { code: "EACCES", path: "x" });
  const { code, message, meaning, next } = explain(refused);
  expect({ code, message }).toEqual({ code: "storage", message: "EACCES: permission denied, open 'x'" });
  expect(`${meaning} ${next}`).not.toContain("mistake in Graft");
});
