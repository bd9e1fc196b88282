// What may stand behind a key? One object per kind of value: it checks a value from a file, says what is wrong with it,
// and describes itself for the reference.
import type { TomlTable, TomlValue } from "smol-toml";
import { addressFault } from "../core/address.ts";
import { isName, nameRule } from "../core/name.ts";
import { quote } from "./problems.ts";
import type { KeyPath } from "./toml-document.ts";

/** Says that something is wrong at `within`, a path inside the value; empty for the value itself. */
export type Complain = (within: KeyPath, what: string, remedy: string) => void;

export interface ValueKind<T> {
  /** For people: what the value is, its range included. */
  readonly description: string;
  /** The value, or undefined after at least one complaint. */
  readonly read: (value: TomlValue, complain: Complain) => T | undefined;
}

/** The name of a node, a cluster or a client. */
export const name: ValueKind<string> = {
  description: nameRule,
  read(value, complain) {
    if (typeof value === "string" && isName(value)) return value;
    complain([], `${shown(value)} is no name`, `use ${name.description}`);
    return undefined;
  },
};

const UUID = /^[0-9a-f]{32}$/;

/** What tells clusters of one name apart. */
export const uuid: ValueKind<string> = {
  description: "32 digits and letters a to f, as graft cluster status --json shows it",
  read(value, complain) {
    if (typeof value === "string" && UUID.test(value)) return value;
    complain([], `${shown(value)} is no uuid of a cluster`, `use ${uuid.description}`);
    return undefined;
  },
};

/** Where something is listened on or dialled. */
export const address: ValueKind<string> = {
  description: "host:port, an IPv6 address in brackets",
  read(value, complain) {
    const fault = typeof value === "string" ? addressFault(value) : "is no address";
    if (typeof value === "string" && fault === null) return value;
    complain([], `${shown(value)} ${fault}`, "use host:port, such as 127.0.0.1:7401 or [::1]:7401");
    return undefined;
  },
};

/** A file or a folder; relative to the folder of the file that names it. */
export const path: ValueKind<string> = {
  description: "a path, relative to the folder of this file",
  read(value, complain) {
    if (typeof value === "string" && value !== "" && !value.includes("\0")) return value;
    complain([], `${shown(value)} is no path`, "name a file or a folder, relative to the folder of this file");
    return undefined;
  },
};

/** One path, or several of them. */
export const paths: ValueKind<readonly string[]> = {
  description: `${path.description}; or an array of them`,
  read(value, complain) {
    const given = Array.isArray(value) ? value : [value];
    if (given.length === 0) complain([], "it is empty", "name at least one");
    const found = given.map((each, place) =>
      path.read(each, (within, ...rest) => complain(Array.isArray(value) ? [place, ...within] : within, ...rest)),
    );
    const complete = found.filter((each) => each !== undefined);
    return complete.length === given.length && complete.length > 0 ? complete : undefined;
  },
};

/** A program and its arguments; or several, the versions of one. */
export const commands: ValueKind<readonly (readonly string[])[]> = {
  description: 'a program and its arguments, like ["python3", "machine.py"]; or an array of such arrays',
  read(value, complain) {
    if (isCommand(value)) return [value];
    const words = "write each word as a text of its own";
    if (!Array.isArray(value) || value.length === 0 || !value.every(Array.isArray)) {
      const isMixed = Array.isArray(value) && value.some(Array.isArray);
      complain([], `${shown(value)} is not ${this.description}`, isMixed ? "write an array for each program" : words);
      return undefined;
    }
    const wrong = value.findIndex((each) => !isCommand(each));
    if (wrong === -1) return value.filter(isCommand);
    const [first = ""] = value[wrong]!;
    complain([wrong], `${shown(value[wrong]!)} is no program`, first === "" ? "name the program first" : words);
    return undefined;
  },
};

const isCommand = (value: TomlValue): value is string[] =>
  Array.isArray(value) && value.length > 0 && value[0] !== "" && value.every(isWord);

const isWord = (word: TomlValue): word is string => typeof word === "string" && !word.includes("\0");

export function choice<const T extends string>(...values: readonly T[]): ValueKind<T> {
  const description = values.map((value) => `"${value}"`).join(" or ");
  return {
    description,
    read(value, complain) {
      const found = values.find((candidate) => candidate === value);
      if (found === undefined) complain([], `${shown(value)} is none of the choices`, `use ${description}`);
      return found;
    },
  };
}

export function integer(min: number, max: number): ValueKind<number> {
  const description = `a whole number from ${min} to ${max}`;
  return {
    description,
    read(value, complain) {
      if (typeof value !== "number" || !Number.isInteger(value)) {
        complain([], `${shown(value)} is no whole number`, `use ${description}`);
        return undefined;
      }
      if (value >= min && value <= max) return value;
      complain([], `${value} is out of range`, `use ${description}`);
      return undefined;
    },
  };
}

export const names: ValueKind<readonly string[]> = list("names", name);
export const addresses: ValueKind<readonly string[]> = list("addresses", address);

/** At least one address. */
export const contacts: ValueKind<readonly string[]> = {
  ...addresses,
  read(value, complain) {
    const found = addresses.read(value, complain);
    if (found?.length !== 0) return found;
    complain([], "the list is empty", "name at least one member: host:port");
    return undefined;
  },
};

/** Dates are objects too. */
export function isTable(value: TomlValue | undefined): value is TomlTable {
  return (
    typeof value === "object" && !Array.isArray(value) && Object.prototype.toString.call(value) === "[object Object]"
  );
}

export function list<T>(what: string, kind: ValueKind<T>): ValueKind<readonly T[]> {
  return {
    description: `a list of ${what} (${kind.description})`,
    read(value, complain) {
      if (!Array.isArray(value)) {
        complain([], `${shown(value)} is no list`, `use a list of ${what} in square brackets`);
        return undefined;
      }
      const found = value.map((element, index) =>
        kind.read(element, (within, ...rest) => complain([index, ...within], ...rest)),
      );
      return found.every((element) => element !== undefined) ? found : undefined;
    },
  };
}

const typeNames: Readonly<Record<string, string>> = { string: "the text", number: "the number", boolean: "" };

/** A value from a file, with what it is. */
export function shown(value: TomlValue): string {
  if (Array.isArray(value)) return "a list";
  if (isTable(value)) return "a table";
  return `${typeNames[typeof value] ?? "the date"} ${quote(value)}`.trim();
}
