/** Lines of `bpfkit link list`: what a link is attached to, as bpftool 7.5 writes it. */
import type { LoadedLink } from "bpfkit";

type Fields = Readonly<Record<string, unknown>>;

const families: Readonly<Record<number, string>> = { 2: "ip", 10: "ip6" };
const hooks = ["prerouting", "input", "forward", "output", "postrouting"];
/** enum perf_type_id. */
const counterTypes = ["hardware", "software", "tracepoint", "hw-cache", "raw", "breakpoint"];
/** enum perf_hw_id and enum perf_sw_ids. */
const counterNames: Readonly<Record<string, readonly string[]>> = {
  hardware: [
    "cpu-cycles",
    "instructions",
    "cache-references",
    "cache-misses",
    "branch-instructions",
    "branch-misses",
    "bus-cycles",
    "stalled-cycles-frontend",
    "stalled-cycles-backend",
    "ref-cycles",
  ],
  software: [
    "cpu-clock",
    "task-clock",
    "page-faults",
    "context-switches",
    "cpu-migrations",
    "minor-faults",
    "major-faults",
    "alignment-faults",
    "emulation-faults",
    "dummy",
    "bpf-output",
  ],
};

const hex = (value: unknown, width = 0): string =>
  BigInt(value as bigint)
    .toString(16)
    .padStart(width, "0");

/** ` name value ` for each fact that is there and not 0. */
function unlessZero(link: Fields, names: readonly string[]): string {
  return names
    .filter((name) => Number(link[name] ?? 0) !== 0)
    .map((name) => `${name} ${String(link[name])}  `)
    .join("");
}

function perfEventLine(link: Fields): string | undefined {
  const kind = link["retprobe"] === true ? "ret" : "";
  const rest = unlessZero(link, ["missed", "cookie"]);
  if (link["func"] !== undefined) {
    const address = BigInt(link["addr"] as bigint) === 0n ? "" : `${hex(link["addr"])} `;
    const offset = Number(link["offset"]) === 0 ? "" : `+0x${hex(link["offset"])}`;
    return `k${kind === "" ? "probe" : "retprobe"} ${address}${String(link["func"])}${offset}  ${rest}`;
  }
  if (link["file"] !== undefined)
    return `u${kind}probe ${String(link["file"])}+0x${hex(link["offset"])}  ${rest}`;
  if (link["tracepoint"] !== undefined) return `tracepoint ${String(link["tracepoint"])}  ${rest}`;
  if (link["event_type"] === undefined) return undefined;
  const type = counterTypes[Number(link["event_type"])];
  const config = String(link["event_config"]);
  const name = counterNames[type ?? ""]?.[Number(config)] ?? config;
  return `event ${type ?? `${String(link["event_type"])} `}:${name}  ${rest}`;
}

function multiLines(link: LoadedLink): string[] {
  const places = (link["funcs"] ?? []) as unknown as readonly Fields[];
  const kind = `${link["retprobe"] === true ? "ret" : ""}probe.multi`;
  const count = `func_cnt ${String(link["func_cnt"])}  `;
  if (link.type === "kprobe_multi") {
    const rows = places
      .filter(({ func }) => func !== null)
      .map(({ addr, cookie, func, module }) => {
        const owner = module === null ? "" : ` [${String(module)}]`;
        return `${hex(addr, 16)} ${hex(cookie).padEnd(16)} ${String(func)}${owner}  `;
      });
    const head = rows.length === 0 ? [] : ["addr             cookie           func [module]"];
    return [`k${kind}  ${count}${unlessZero(link, ["missed"])}`, ...head, ...rows];
  }
  const path = link["path"] === "" ? "" : `path ${String(link["path"])}  `;
  const columns = places.map((place) =>
    ["offset", "ref_ctr_offset", "cookie"].map((name) => `0x${hex(place[name])}`.padEnd(18)).join(" "),
  );
  const head = columns.length === 0 ? [] : ["offset             ref_ctr_offset     cookies         "];
  return [`u${kind}  ${path}${count}${unlessZero(link, ["pid"])}`, ...head, ...columns];
}

/** Facts that bpftool writes on the first line of these types; on a line of their own for the others. */
const onFirstLine: ReadonlySet<string> = new Set(["iter"]);

/** Lines of one link. */
export function linkLines(link: LoadedLink): string[] {
  const { id, type, prog_id } = link;
  const owner = type === "struct_ops" ? `map ${String(link["map_id"])}` : `prog ${prog_id}`;
  const first = `${id}: ${type}  ${owner}  `;
  if (type === "struct_ops") return [first];
  const facts = (names: readonly string[]): string =>
    names
      .filter((name) => link[name] !== undefined)
      .map((name) => `${name} ${String(link[name])}  `)
      .join("");
  const lines: string[] = [];
  if (link["tp_name"] !== undefined) lines.push(`tp '${String(link["tp_name"])}'  `);
  if (link["func_cnt"] !== undefined) lines.push(...multiLines(link));
  if (type === "perf_event") lines.push(perfEventLine(link) ?? "");
  if (link["ifindex"] !== undefined)
    lines.push(`ifindex ${String(link["devname"])}(${String(link["ifindex"])})  ${facts(["attach_type"])}`);
  else if (link["pf"] !== undefined) lines.push(netfilterLine(link));
  else lines.push(facts(["prog_type", "cgroup_id", "netns_ino", "target_name", "map_id", "attach_type"]));
  lines.push(facts(["target_obj_id", "target_btf_id"]));
  const said = lines.filter((line) => line !== "");
  if (onFirstLine.has(type)) return [`${first}${said.join("")}`];
  return [first, ...said.map((line) => `\t${line}`)];
}

function netfilterLine(link: Fields): string {
  const family = families[Number(link["pf"])] ?? `pf: ${String(link["pf"])}`;
  const hook = hooks[Number(link["hook"])] ?? `hook ${String(link["hook"])}`;
  const flags = Number(link["flags"]);
  return `${family} ${hook} prio ${String(link["prio"])}${flags === 0 ? "" : ` flags 0x${flags.toString(16)}`}`;
}
