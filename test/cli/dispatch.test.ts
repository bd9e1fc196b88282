// The whole of the command line in a process of its own, without a cluster: what is printed where, and the exit codes.
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { helpWidth, renderHelp } from "../../src/cli/help.ts";
import { start } from "../../src/cli/start.ts";
import { commands } from "../../src/cli/tree.ts";
import type { Command, Group } from "../../src/cli/command.ts";
import { readConfig } from "../../src/config/config.ts";
import { version } from "../../src/version.ts";

const main = join(import.meta.dir, "..", "..", "src", "cli", "main.ts");

interface Ran {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function graft(...args: readonly string[]): Promise<Ran> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("GRAFT_")));
  const child = Bun.spawn([process.execPath, main, ...args], {
    cwd: "/",
    stdout: "pipe",
    stderr: "pipe",
    stdin: "ignore",
    env,
  });
  const [stdout, stderr, exitCode] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { exitCode, stdout, stderr };
}

function leaves(group: Group, path: readonly string[] = []): readonly (readonly [readonly string[], Command])[] {
  return Object.entries(group.commands).flatMap(([name, subject]) => {
    const here = [...path, name];
    return subject.kind === "group" ? leaves(subject, here) : [[here, subject] as const];
  });
}

test("--version, for people and for scripts", async () => {
  expect(await graft("--version")).toEqual({ exitCode: 0, stdout: `${version}\n`, stderr: "" });
  expect(JSON.parse((await graft("--version", "--json")).stdout)).toEqual({ version });
});

describe("help", () => {
  test("is as wide as the terminal, up to 100 columns, also where there is none or it does not know", () => {
    expect([80, 100, 300, 0, undefined].map(helpWidth)).toEqual([80, 100, 100, 100, 100]);
  });

  test("begins with at most eight words and no full stop", () => {
    const all = [commands, ...leaves(commands).map(([, command]) => command), ...Object.values(commands.commands)];
    for (const { summary } of all) expect(summary).toMatch(/^[A-Z]\S*(?: \S+){0,7}(?<!\.)$/);
  });

  test("of every command: how it is called, every flag, an example that is really its own", async () => {
    for (const [path, { args, examples }] of leaves(commands)) {
      const { exitCode, stdout, stderr } = await graft(...path, "--help");
      expect([exitCode, stderr]).toEqual([0, ""]);
      expect(stdout).toContain(`graft ${path.join(" ")}`);
      for (const [name, { type }] of Object.entries(args)) {
        expect(stdout).toContain(type === "positional" ? name.toUpperCase() : `--${name}`);
      }
      expect(examples.length).toBeGreaterThan(0);
      for (const [typed] of examples) expect(typed).toContain(`graft ${path.join(" ")}`);
    }
  }, 60_000);

  const plain = { paint: (_: string, text: string) => text, width: 60 };

  test("is wrapped to the width of the terminal", () => {
    for (const [path, subject] of leaves(commands)) {
      const [text = ""] = renderHelp(`graft ${path.join(" ")}`, subject, plain).split("\n\nExamples\n");
      const paragraphs = text.split("\n").filter((line) => !line.startsWith(" "));
      expect(paragraphs.filter((line) => line.length > 60)).toEqual([]);
    }
  });

  test("has the text of a flag in a column, and never wraps a file that is shown", () => {
    const args = {
      faults: { type: "string", valueHint: "LIST", description: "only the kinds of faults that are listed" },
    } as const;
    const details = [`The file:\n\n  [node]  # ${"long ".repeat(20)}`];
    const subject = { ...start, args, details };
    const help = renderHelp("graft start", subject, { ...plain, width: 46 });
    expect(help).toContain(`\n\n  [node]  # ${"long ".repeat(20)}\n`);
    expect(help).toContain(
      "\n  --faults LIST  only the kinds of faults that\n                 are listed\n  -h, --help     show",
    );
  });

  test("of a group, and by the word help", async () => {
    const { stdout } = await graft("help", "cluster");
    for (const name of ["status", "configuration", "leader"]) expect(stdout).toContain(name);
    expect((await graft("cluster", "-h")).stdout).toBe(stdout);
  });
});

test("the file that the help of start shows is one that start takes", () => {
  const [shown = ""] = start.details?.filter((paragraph) => paragraph.includes("[node]")) ?? [];
  const result = readConfig(shown.slice(shown.indexOf("[node]")), "/etc/graft/node.toml");
  expect(result).toMatchObject({ config: { node: { id: "n1", dataDir: "/etc/graft/data/n1" } } });
});

describe("wrong usage ends with 2, and says what was meant", () => {
  test.each([
    [[], "graft needs a command"],
    [["clustr"], "did you mean graft cluster?"],
    [["cluster"], "graft cluster needs a command: status, configuration, leader"],
    [["cluster", "statsu"], "did you mean graft cluster status?"],
    [["cluster", "status", "--timeot", "1s"], "did you mean --timeout?"],
    [["cluster", "status", "--timeout", "soon"], "not a duration"],
    [["cluster", "status", "extra"], "one argument too many"],
    [["cluster", "status"], "GRAFT_CLUSTER"],
    [["start"], "--config"],
    [["stop", "-c", "127.0.0.1"], "127.0.0.1"],
    [["toString"], "unknown command"],
    [["cluster", "add", "n4", "::1:7404"], "needs brackets: [::1]:7404"],
    [["cluster", "add", "n 4", "h:1"], "not the name of a node"],
    [["cluster", "add", "n4", "h:1", "--replace", "n/2"], "not the name of a node"],
    [["cluster", "remove", "n 4"], "not the name of a node"],
    [["cluster", "promote", "n4@"], "not the name of a node"],
    [["cluster", "demote", ""], "not the name of a node"],
    [["cluster", "priority", "n 4", "1"], "not the name of a node"],
    [["cluster", "leader", "n 4"], "not the name of a node"],
    [["stop", "n 4"], "not the name of a node"],
    [["backup", "/nowhere/file", "--node", "n 4"], "not the name of a node"],
    [["cluster", "status", "-c", "::1:7404"], "needs brackets: [::1]:7404"],
    [["dev", "--nodes", "0"], "from 1 to"],
    [["bench", "replication", "--clients", "many"], "--clients"],
    [["certs", "init", "no good", "--dir", "/nowhere/certs"], "cannot name a cluster"],
  ])("graft %p", async (typed, problem) => {
    const words = await graft(...typed);
    expect([words.exitCode, words.stdout]).toEqual([2, ""]);
    expect(words.stderr).toContain(problem);
    const document = await graft(...typed, "--json");
    expect(document.exitCode).toBe(2);
    expect(JSON.parse(document.stdout).error).toMatchObject({
      code: "usage",
      message: expect.stringContaining(problem),
    });
  });

  test("certificates that cannot be read are wrong usage too", async () => {
    const ran = await graft("cluster", "status", "-c", "h:1", "--ca", "/a", "--cert", "/b", "--key", "/c", "--json");
    expect(ran.exitCode).toBe(2);
    expect(JSON.parse(ran.stdout).error.message).toMatch(/\/a cannot be read.*\/b cannot be read/s);
  });
});

describe("completion", () => {
  const candidates = async (...words: readonly string[]): Promise<readonly string[]> =>
    (await graft("complete", "--", ...words)).stdout.trim().split("\n");
  const names = async (...words: readonly string[]): Promise<readonly string[]> =>
    (await candidates(...words)).map((line) => line.split("\t")[0] ?? "");

  test("commands, flags, and files where a file is meant", async () => {
    expect(await names("cl")).toEqual(["cluster", ":4"]);
    const changes = ["add", "remove", "promote", "demote", "priority", "skip"];
    expect(await names("cluster", "")).toEqual(["status", "configuration", "leader", ...changes, ":4"]);
    expect(await names("cluster", "add", "n4", "h:1", "--l")).toEqual(["--learner", ":4"]);
    expect(await names("cluster", "status", "--c")).toEqual(["--cluster", "--ca", "--cert", ":4"]);
    expect(await names("start", "--config", "")).toEqual([":0"]);
    expect(await names("restore", "")).toEqual([":0"]);
    expect(await names("log", "inspect", "--data-dir", "")).toEqual([":0"]);
    expect(await names("cluster", "status", "-c", "")).toEqual([":4"]);
  });

  test.each(["bash", "zsh", "fish", "powershell"])("a script for %s that asks graft", async (shell) => {
    expect((await graft("complete", shell)).stdout).toMatch(/graft complete '?--/);
  });

  test("bash completes with it", async () => {
    const script = [
      `graft() { "${process.execPath}" "${main}" "$@"; }`,
      // What bash-completion, which the script needs, makes of the line "graft cluster st".
      "_get_comp_words_by_ref() { words=(graft cluster st); cword=2; cur=st; prev=cluster; }",
      'source <(graft complete bash); __graft_complete; echo "${COMPREPLY[*]}"',
    ];
    const bash = Bun.spawn(["bash", "-c", script.join("\n")], { stdout: "pipe", stderr: "ignore", stdin: "ignore" });
    expect((await bash.stdout.text()).trim()).toBe("status");
  });
});
