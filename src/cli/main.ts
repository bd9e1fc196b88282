#!/usr/bin/env bun
// The program. What it can do is the tree of commands. What it adds is an exit code, and that a failure ends it: while a
// top-level await is pending, Bun prints what nothing catches and goes on, so there is none here.
import { armFailStop, failStop, fatalExitCode } from "../fail-stop.ts";
import { dispatch } from "./dispatch.ts";
import { commands } from "./tree.ts";
import { version } from "../version.ts";

armFailStop();
// Holds for a command that never settles, although nothing is left that could settle it.
process.exitCode = fatalExitCode;
dispatch(commands, process.argv.slice(2), version).then((exitCode) => process.exit(exitCode), failStop);
