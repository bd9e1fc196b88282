// Adds a kind when it is loaded.
import { kinds } from "./kinds.ts";

kinds.push("apples");
