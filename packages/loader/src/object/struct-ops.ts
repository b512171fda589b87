/** Structs of functions, laid out as the running kernel has them (after libbpf's bpf_map__init_kern_struct_ops). */
import { ProgramType } from "@bpfkit/base/abi";
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { BtfMember, BtfStruct, BtfTable } from "@bpfkit/elf/btf";
import type { CollectionSpec } from "../spec/collection-spec.ts";
import type { MapSpec } from "../spec/map-spec.ts";
import { isFunctionPointer, type StructOpsSpec } from "../spec/struct-ops.ts";

/** The value of a struct_ops map in this kernel. */
export interface StructOpsValue {
  /** struct bpf_struct_ops_NAME in vmlinux's types. */
  readonly typeId: number;
  /** What BPF_MAP_UPDATE_ELEM takes; descriptors of programs are filled in once they are loaded. */
  readonly bytes: Uint8Array;
  /** Where in the bytes a program's descriptor goes, as an unsigned long. */
  readonly functions: readonly { readonly offset: number; readonly program: string }[];
}

/** What a program of type struct_ops names when it is loaded. */
export interface StructOpsTarget {
  /** The struct in vmlinux's types: attach_btf_id. */
  readonly typeId: number;
  /** Index of the member: expected_attach_type. */
  readonly member: number;
}

/** Everything about an object's structs that this kernel decides. */
export interface StructOpsPlan {
  /** By the map's name. */
  readonly values: ReadonlyMap<string, StructOpsValue>;
  /** By the program's name. */
  readonly targets: ReadonlyMap<string, StructOpsTarget>;
}

/**
 * Finds the kernel's types for every struct that is to be created. Programs that only skipped structs use are switched off.
 * @param vmlinux gives the kernel's types; asked only where the object has such structs
 * @throws BpfkitError LD093 where the kernel has no such struct, or not the members that the object sets
 */
export function planStructOps(spec: CollectionSpec, vmlinux: () => BtfTable): StructOpsPlan {
  const values = new Map<string, StructOpsValue>();
  const targets = new Map<string, StructOpsTarget>();
  const skipped = new Set<string>();
  for (const map of spec.maps.values()) {
    const { structOps } = map;
    if (structOps === undefined || spec.btf === undefined) continue;
    if (!structOps.autocreate) {
      for (const program of structOps.functions.values()) skipped.add(program);
      continue;
    }
    const layout = new Layout(map, structOps, spec.btf, vmlinux());
    values.set(
      map.name,
      layout.value((program, target) => setTarget(spec, map, targets, program, target)),
    );
  }
  for (const program of spec.programs.values()) {
    if (program.type !== ProgramType.StructOps || targets.has(program.name)) continue;
    if (skipped.has(program.name)) program.autoload = false;
  }
  return { values, targets };
}

/** A program is verified for one member of one struct; several variables may have it there. */
function setTarget(
  spec: CollectionSpec,
  map: MapSpec,
  targets: Map<string, StructOpsTarget>,
  name: string,
  target: StructOpsTarget,
): void {
  const program = spec.programs.get(name);
  if (program?.type !== ProgramType.StructOps) {
    throw new BpfkitError("LD018", `${map.name} holds ${name}, which is no program of type struct_ops`, {
      hint: `Put it in SEC("struct_ops/${name}").`,
    });
  }
  const known = targets.get(name);
  if (known !== undefined && (known.typeId !== target.typeId || known.member !== target.member)) {
    throw new BpfkitError("LD018", `program ${name} is at different members, in ${map.name} and elsewhere`, {
      hint: "The kernel checks a program for one member: write one program for each.",
    });
  }
  targets.set(name, target);
}

/** One variable of the object and the kernel's struct for it. */
class Layout {
  readonly #map: MapSpec;
  readonly #spec: StructOpsSpec;
  readonly #local: BtfTable;
  readonly #kernel: BtfTable;

  constructor(map: MapSpec, spec: StructOpsSpec, local: BtfTable, kernel: BtfTable) {
    this.#map = map;
    this.#spec = spec;
    this.#local = local;
    this.#kernel = kernel;
  }

  value(setTarget: (program: string, target: StructOpsTarget) => void): StructOpsValue {
    const local = structOf(this.#local, this.#spec.typeId);
    // A flavour, as in CO-RE: tcp_congestion_ops___mine is the kernel's tcp_congestion_ops.
    const name = local?.name.replace(/(.)___.*$/s, "$1") ?? "";
    const id = this.#kernel.find(name, "struct");
    const valueId = this.#kernel.find(`bpf_struct_ops_${name}`, "struct");
    const kernel = id === undefined ? undefined : structOf(this.#kernel, id);
    const outer = valueId === undefined ? undefined : structOf(this.#kernel, valueId);
    const data = outer?.members.find(({ type }) => this.#kernel.resolve(type) === id);
    if (!local || !kernel || !outer || !data || id === undefined || valueId === undefined) {
      throw this.#refusal(`the kernel takes no struct ${name} from programs`, {
        hint: `Its types have no struct ${kernel === undefined ? name : `bpf_struct_ops_${name}`}: it is too old, or built without what would use it.`,
      });
    }
    const bytes = new Uint8Array(outer.size);
    const functions: { offset: number; program: string }[] = [];
    local.members.forEach((member, index) => {
      const at = kernel.members.findIndex((other, position) =>
        member.name === "" ? other.name === "" && position === index : other.name === member.name,
      );
      const theirs = kernel.members[at];
      const program = this.#spec.functions.get(member.bitOffset / 8);
      const isSet = program !== undefined || !this.#isZero(member);
      if (theirs === undefined) {
        if (isSet) throw this.#refusal(`struct ${name} of the kernel has no member ${member.name}`);
        return;
      }
      const offset = (data.bitOffset + theirs.bitOffset) / 8;
      const kind = this.#commonKind(member, theirs, name);
      if (kind !== "ptr") bytes.set(this.#bytesOf(member), offset);
      if (kind !== "ptr" || !isSet) return;
      if (program === undefined || !isFunctionPointer(this.#kernel, theirs.type)) {
        throw this.#refusal(`member ${member.name} of struct ${name} takes no such pointer`);
      }
      setTarget(program, { typeId: id, member: at });
      functions.push({ offset, program });
    });
    return { typeId: valueId, bytes, functions };
  }

  #commonKind(member: BtfMember, theirs: BtfMember, struct: string): string {
    const [local, kernel] = [this.#local, this.#kernel];
    if (member.bitSize !== 0 || theirs.bitSize !== 0 || (member.bitOffset | theirs.bitOffset) % 8 !== 0) {
      throw this.#refusal(`member ${member.name} of struct ${struct} is a bit-field, which cannot be set`);
    }
    const kind = local.kindOf(local.resolve(member.type));
    const kindThere = kernel.kindOf(kernel.resolve(theirs.type));
    const differs = kind !== kindThere || local.sizeOf(member.type) !== kernel.sizeOf(theirs.type);
    if (differs)
      throw this.#refusal(`member ${member.name} of struct ${struct} has another type in the kernel`);
    return kind;
  }

  #bytesOf(member: BtfMember): Uint8Array {
    const start = Math.floor(member.bitOffset / 8);
    return this.#spec.contents.subarray(start, start + this.#local.sizeOf(member.type));
  }

  #isZero(member: BtfMember): boolean {
    return this.#bytesOf(member).every((byte) => byte === 0);
  }

  #refusal(why: string, options: { readonly hint?: string } = {}): BpfkitError {
    return new BpfkitError("LD093", `${this.#map.name} cannot be given to this kernel: ${why}`, options);
  }
}

function structOf(btf: BtfTable, id: number): BtfStruct | undefined {
  const type = btf.type(id);
  return type.kind === "struct" ? type : undefined;
}
