#!/usr/bin/env bun
// The program. What it can do is the tree of commands; an exit code is all that it adds.
import { dispatch } from "./dispatch.ts";
import { commands } from "./tree.ts";
import { version } from "../version.ts";

process.exit(await dispatch(commands, process.argv.slice(2), version));
