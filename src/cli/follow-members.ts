// When does a graft.toml follow the members?
// After a change of the membership the command edits the file that it used. A status only hints: it knows no history, and cannot tell
// an outdated address from another spelling of a member's. How the file is edited is config/client-file.ts.
import type { ReachedCluster } from "../client/cluster-view.ts";
import type { CompletedChange } from "../client/membership.ts";
import { type AddressChange, type Followed, followMembers } from "../config/client-file.ts";
import type { ClientSettings } from "../config/client-settings.ts";
import type { Output } from "./output.ts";

type Listed = Pick<ClientSettings, "addresses" | "file">;

/** What became of the file, as scripts read it. */
export type FileReport = AddressChange & { readonly path: string } & Followed;

/** After a change: removes members that left, and adds members that came. `hidden`: ids of nodes that no client can dial. */
export function followChange(
  { addresses, file }: Listed,
  { before, after }: CompletedChange,
  hidden: readonly string[],
): FileReport | null {
  if (before === null || file === null) return null;
  const dialled = after.members.filter(({ id }) => !hidden.includes(id));
  const [was, is] = [before.members, dialled].map((members) => members.map(({ address }) => address));
  const gone = addresses.filter((address) => was!.includes(address) && !is!.includes(address));
  const come = is!.filter((address) => !was!.includes(address));
  if (gone.length === 0 && come.length === 0) return null;
  return { path: file, ...followMembers(file, { gone, come }), gone, come };
}

/** For people. Null: there is nothing to say. */
export function fileWords(report: FileReport): string | null {
  const list = (what: string, addresses: readonly string[]): string =>
    addresses.length === 0 ? "" : `; ${what}: ${addresses.join(", ")}`;
  const changes = `${list("new", report.come)}${list("gone", report.gone)}`;
  if (report.kind === "written") return `${report.path} follows the members${changes}`;
  return report.kind === "left"
    ? `${report.path} was not changed: ${report.reason}; correct its list of addresses${changes}`
    : null;
}

/** Tells of members that no address in the file leads to, if the file also lists an address at which no node answers. */
export async function hintAtView({ addresses, file }: Listed, view: ReachedCluster, output: Output): Promise<void> {
  // While another cluster of the same name answers, the file may mean that one.
  if (file === null || view.leader === null || view.otherClusters.length > 0) return;
  const answeringAt = (each: string): string | undefined => view.answering.find(({ address }) => address === each)?.id;
  const found = addresses.map(answeringAt);
  const silent = addresses.filter((_, at) => found[at] === undefined);
  const missing = view.nodes.filter(
    ({ id, address, role }) =>
      role !== "joining" && role !== "removed" && !found.includes(id) && answeringAt(address) === id,
  );
  if (silent.length === 0 || missing.length === 0) return;
  const where = missing.map(({ id, address }) => `${id} at ${address}`).join(", ");
  await output.say(`${file} lists ${silent.join(", ")}, where no node answers, and does not list ${where}`);
}
