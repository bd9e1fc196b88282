// Graft's version, as package.json has it; the bundler puts it into the binary.
import { version as packageVersion } from "../package.json";

export const version: string = packageVersion;
