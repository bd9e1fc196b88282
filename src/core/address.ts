// Where is a node reached? One rule for every address, `host:port`: of a file, a command line, a frame and a socket. An IPv6
// address stands in brackets, since it has colons of its own.

export interface Address {
  readonly host: string;
  readonly port: number;
}

export type ReadAddress =
  | { readonly kind: "address"; readonly address: Address }
  /** In words that follow the text: `"::1:7401" needs brackets`. */
  | { readonly kind: "fault"; readonly fault: string };

const portMax = 65_535;
/** Of the text of an address: brackets, a colon and a port beside the longest host name. */
export const addressLengthMax = 262;

const withPort = /^(?:\[([^\]]*)\]|([^:[\]]*)):(0|[1-9][0-9]{0,4})$/;
const hostLabel = /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/;
const decimalOctet = /^(?:0|[1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-5])$/;
const hexGroup = /^[0-9A-Fa-f]{1,4}$/;
/** A link-local address may name its interface. */
const zone = /%[A-Za-z0-9._-]{1,15}$/;

/** `portMin`: 0 where the system may choose the port, for listening. */
export function readAddress(text: string, portMin = 1): ReadAddress {
  const [, bracketed, plain, digits] = withPort.exec(text) ?? [];
  if (digits === undefined) return fault(faultWithoutPort(text));
  if (bracketed !== undefined && !isIpv6(bracketed)) return fault("has no IPv6 address in its brackets");
  const host = bracketed ?? plain ?? "";
  if (bracketed === undefined && !isHostName(host)) return fault("has no host name before its port");
  const port = Number(digits);
  if (port < portMin || port > portMax) return fault(`has no port from 1 to ${portMax}`);
  return { kind: "address", address: { host, port } };
}

/** Why this is no address; null: it is one. */
export function addressFault(text: string): string | null {
  const read = readAddress(text);
  return read.kind === "fault" ? read.fault : null;
}

/** A name to be looked up, or an IP address. What ends like an IPv4 address has to be one. */
export function isHost(text: string): boolean {
  return isIpv6(text) || isHostName(text);
}

function isIpv6(text: string): boolean {
  const address = text.replace(zone, "");
  const halves = address.split("::");
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === "" ? [] : half.split(":")));
  const last = groups.at(-1);
  // Its last two groups may be written as an IPv4 address.
  const isMixed = last !== undefined && isIpv4(last) && address.endsWith(last);
  const hex = isMixed ? groups.slice(0, -1) : groups;
  if (!hex.every((group) => hexGroup.test(group))) return false;
  const count = hex.length + (isMixed ? 2 : 0);
  return halves.length === 2 ? count < 8 : count === 8;
}

function isIpv4(text: string): boolean {
  const octets = text.split(".");
  return octets.length === 4 && octets.every((octet) => decimalOctet.test(octet));
}

function isHostName(text: string): boolean {
  const labels = text.split(".");
  if (text.length > 253 || !labels.every((label) => hostLabel.test(label))) return false;
  return !/^[0-9]+$/.test(labels.at(-1) ?? "") || isIpv4(text);
}

function faultWithoutPort(text: string): string {
  const [, host = "", port = ""] = /^(.*):([0-9]+)$/.exec(text) ?? [];
  // `::1:7401` is an IPv6 address itself.
  if (isIpv6(host)) return `needs brackets: [${host}]:${port}`;
  if (isIpv6(text)) return "needs brackets and a port";
  return text.includes(":") || text === "" ? "is no address" : "has no port";
}

const fault = (what: string): ReadAddress => ({ kind: "fault", fault: what });
