// When does a graft.toml follow the members? After a change of the membership, and when the status shows that a member has moved.
// How the file is edited is config/client-file.ts.
import type { ClusterView, ReachedCluster } from "../client/cluster-view.ts";
import type { CompletedChange } from "../client/membership.ts";
import { type AddressChange, followMembers } from "../config/client-file.ts";
import type { ClientSettings } from "../config/client-settings.ts";
import type { Output } from "./output.ts";

type Listed = Pick<ClientSettings, "addresses" | "file">;

/** After a change: removes members that left, and adds members that came. `hidden`: ids of nodes that no client can dial. */
export async function followChange(
  settings: Listed,
  { before, after }: CompletedChange,
  hidden: readonly string[],
  output: Output,
): Promise<void> {
  if (before === null) return;
  const dialled = after.members.filter(({ id }) => !hidden.includes(id));
  const [was, is] = [before.members, dialled].map((members) => members.map(({ address }) => address));
  const gone = settings.addresses.filter((address) => was!.includes(address) && !is!.includes(address));
  await follow(settings, { gone, come: is!.filter((address) => !was!.includes(address)) }, output);
}

/**
 * After a status: an address that belongs to no member, and at which no node answers, gives its place to the address of a member.
 * The file stays as it is while another cluster of the same name answers: the file may mean that one.
 */
export async function followView(settings: Listed, view: ReachedCluster, output: Output): Promise<void> {
  if (view.leader === null || view.otherClusters.length > 0) return;
  const members = memberAddresses(view);
  const stale = settings.addresses.filter((each) => !members.includes(each) && !view.answering.includes(each));
  const come = members.filter((each) => !settings.addresses.includes(each) && view.answering.includes(each));
  const moved = Math.min(stale.length, come.length);
  await follow(settings, { gone: stale.slice(0, moved), come: come.slice(0, moved) }, output);
}

const memberAddresses = ({ nodes }: ClusterView): readonly string[] =>
  nodes.filter(({ role }) => role !== "joining" && role !== "removed").map(({ address }) => address);

async function follow({ file }: Listed, change: AddressChange, output: Output): Promise<void> {
  const { gone, come } = change;
  if (file === null || (gone.length === 0 && come.length === 0)) return;
  const list = (what: string, addresses: readonly string[]): string =>
    addresses.length === 0 ? "" : `; ${what}: ${addresses.join(", ")}`;
  const changes = `${list("new", come)}${list("gone", gone)}`;
  const followed = followMembers(file, change);
  if (followed === "written") await output.say(`${file} follows the members${changes}`);
  if (followed === "notWritable")
    await output.say(`${file} may not be written; change its list of addresses${changes}`);
}
