/** Compares objects with what BCC 0.26's own frontend made of the same text: maps, programs and license. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { MapType } from "@bpfkit/base/abi";
import { CollectionSpec } from "@bpfkit/loader";

/** One map as BCC made it. Numbers as in union bpf_attr. */
interface GoldenMap {
  readonly name: string;
  readonly type: number;
  readonly key_size: number;
  readonly leaf_size: number;
  readonly max_entries: number;
  readonly flags: number;
}

/** One program text as BCC took it. */
export interface GoldenProgram {
  /** False where BCC itself fails on the text. */
  readonly ok: boolean;
  readonly license?: string;
  readonly maps?: readonly GoldenMap[];
  readonly functions?: readonly { readonly name: string }[];
}

/** Every program of the corpus by its name. */
export function goldenPrograms(): ReadonlyMap<string, GoldenProgram> {
  const bytes = gunzipSync(readFileSync(join(import.meta.dirname, "golden-debian.json.gz")));
  return new Map(Object.entries(JSON.parse(bytes.toString()) as Record<string, GoldenProgram>));
}

/** Maps that say where arguments of USDT probes are: BCC generates code for one binary instead. */
const ofUsdt = /^__bpf_usdt_/;

/** What differs, each as `stage: text`; empty where the object is as BCC's. */
export function differences(object: Uint8Array, name: string, golden: GoldenProgram): string[] {
  if (!golden.ok) return [];
  const spec = CollectionSpec.fromObject(object, name);
  const found: string[] = [];
  if (spec.license !== golden.license) found.push(`license: ${spec.license}, BCC has ${golden.license}`);
  const maps = [...spec.maps.values()].filter((map) => map.origin === "definition" && !ofUsdt.test(map.name));
  const same = (what: string, ours: Iterable<string>, theirs: Iterable<string>): void => {
    const [mine, bcc] = [new Set(ours), new Set(theirs)];
    for (const one of bcc) if (!mine.has(one)) found.push(`${what}: ${one} is missing`);
    for (const one of mine) if (!bcc.has(one)) found.push(`${what}: ${one} is not BCC's`);
  };
  same(
    "maps",
    maps.map((map) => described(map.name, map.type, map.keySize, map.valueSize, map.maxEntries, map.flags)),
    (golden.maps ?? []).map((map) =>
      described(map.name, map.type, map.key_size, map.leaf_size, map.max_entries, map.flags),
    ),
  );
  same(
    "programs",
    [...spec.programs.keys()].map(withoutKernelModule),
    (golden.functions ?? []).map((program) => program.name),
  );
  return found;
}

/** Later releases of BCC, and bpfkit, name the module that a traced function is in; 0.26 does not. */
function withoutKernelModule(program: string): string {
  return program.replace(/^(k(?:ret)?func)__vmlinux__/, "$1__");
}

/** The size of a perf event array is left to the loader: BCC writes the number of CPUs it ran on. */
function described(
  name: string,
  type: number,
  key: number,
  value: number,
  entries: number,
  flags: number,
): string {
  const size = type === MapType.PerfEventArray ? "" : ` entries ${entries}`;
  return `${name} type ${type} key ${key} value ${value}${size} flags ${flags}`;
}
