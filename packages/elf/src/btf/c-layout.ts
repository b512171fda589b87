/**
 * How to write a struct or union in C so that clang lays it out as the BTF says: packed or not, and what padding goes where.
 * The rules are those of the Itanium C++ ABI as clang applies them to BPF and x86-64.
 */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { elementOf } from "./resolve.ts";
import type { BtfMember, BtfStruct, BtfUnion } from "./type.ts";
import type { BtfTable } from "./type-table.ts";

/** One thing in a body: the member with an index, or unnamed padding of some bits. */
export type BodyItem =
  | { readonly kind: "member"; readonly index: number }
  | { readonly kind: "padding"; readonly bits: number; readonly unit: "char" | "short" | "int" | "long" };

/** How to write one aggregate. */
export interface AggregatePlan {
  readonly packed: boolean;
  /** `__attribute__((aligned(N)))` to be written; 0 for none. */
  readonly forcedAlignment: number;
  /** Bytes, as clang will see it. */
  readonly alignment: number;
  readonly items: readonly BodyItem[];
  /** Indices of members that no C can express at their place: overlapping or too wide bit-fields. */
  readonly lost: readonly number[];
}

type Aggregate = BtfStruct | BtfUnion;

/** Plans aggregates, each once. Never recursive: BTF may nest deeply. */
export class LayoutPlanner {
  readonly #table: BtfTable;
  readonly #plans = new Map<number, AggregatePlan>();

  constructor(table: BtfTable) {
    this.#table = table;
  }

  /** @throws BpfkitError `EL107` where an aggregate contains itself, `EL110` for members of unknown size */
  plan(id: number): AggregatePlan {
    const known = this.#plans.get(id);
    if (known !== undefined) return known;
    const open = new Set<number>();
    const stack = [id];
    while (stack.length > 0) {
      const current = stack[stack.length - 1] ?? 0;
      const type = this.#table.type(current);
      if (this.#plans.has(current) || (type.kind !== "struct" && type.kind !== "union")) {
        stack.pop();
        continue;
      }
      const missing = open.has(current) ? [] : this.#unplanned(type);
      if (missing.length === 0) {
        this.#plans.set(current, this.#planOf(type));
        open.delete(current);
        stack.pop();
        continue;
      }
      open.add(current);
      for (const member of missing) {
        if (open.has(member))
          throw new BpfkitError("EL107", `${this.#table.name}: type ${member} contains itself`);
        stack.push(member);
      }
    }
    const plan = this.#plans.get(id);
    if (plan === undefined)
      throw new BpfkitError("EL109", `${this.#table.name}: type ${id} has no members to lay out`);
    return plan;
  }

  #unplanned(type: Aggregate): number[] {
    const missing: number[] = [];
    for (const member of type.members) {
      const element = elementOf(this.#table, member.type);
      const kind = this.#table.kindOf(element);
      if ((kind === "struct" || kind === "union") && !this.#plans.has(element)) missing.push(element);
    }
    return missing;
  }

  /** Bytes; of aggregates as they will be printed. */
  #alignment(id: number): number {
    const element = elementOf(this.#table, id);
    const type = this.#table.type(element);
    switch (type.kind) {
      case "struct":
      case "union":
        return this.#plans.get(element)?.alignment ?? 1;
      case "ptr":
        return 8;
      case "int":
        return Math.max(1, Math.min(type.size, 16));
      case "float":
        return type.size > 8 ? 16 : Math.max(1, type.size);
      case "enum":
      case "enum64":
        return Math.max(1, Math.min(type.size, 8));
      default:
        return 1;
    }
  }

  #planOf(type: Aggregate): AggregatePlan {
    if (type.kind === "union") return this.#planUnion(type);
    const natural = this.#place(type, false);
    if (natural.fits) return natural.plan;
    return this.#place(type, true).plan;
  }

  #planUnion(type: BtfUnion): AggregatePlan {
    let end = 0;
    let alignment = 1;
    const lost: number[] = [];
    const items: BodyItem[] = [];
    for (const [index, member] of type.members.entries()) {
      const size = this.#table.sizeOf(member.type);
      if (member.bitOffset !== 0 || member.bitSize > size * 8) {
        lost.push(index);
        continue;
      }
      items.push({ kind: "member", index });
      end = Math.max(end, member.bitSize === 0 ? size : Math.ceil(member.bitSize / 8));
      alignment = Math.max(alignment, this.#alignment(member.type));
    }
    const natural = roundUp(end, alignment);
    if (natural === type.size) return { packed: false, forcedAlignment: 0, alignment, items, lost };
    if (natural > type.size) return { packed: true, forcedAlignment: 0, alignment: 1, items, lost };
    const forced = alignmentThatMakes(end, type.size);
    if (forced !== 0) return { packed: false, forcedAlignment: forced, alignment: forced, items, lost };
    return { packed: false, forcedAlignment: 0, alignment, items, lost };
  }

  /** Places the members one after the other as clang would, with padding where the BTF wants them later. */
  #place(type: BtfStruct, packed: boolean): { readonly plan: AggregatePlan; readonly fits: boolean } {
    const items: BodyItem[] = [];
    const lost: number[] = [];
    let at = 0;
    let alignment = 1;
    for (const [index, member] of type.members.entries()) {
      const end = this.#placeMember(member, at, packed, items);
      if (end === undefined) {
        lost.push(index);
        continue;
      }
      items.push({ kind: "member", index });
      at = end;
      if (!packed) alignment = Math.max(alignment, this.#alignment(member.type));
    }
    const size = type.size * 8;
    if (roundUp(at, alignment * 8) < size) {
      pad(at, size, items);
      at = size;
    }
    const fits = lost.length === 0 && roundUp(at, alignment * 8) === size;
    return { plan: { packed, forcedAlignment: 0, alignment, items, lost }, fits };
  }

  /** The bit after the member, padding added; undefined where it cannot be placed. */
  #placeMember(member: BtfMember, at: number, packed: boolean, items: BodyItem[]): number | undefined {
    const size = this.#table.sizeOf(member.type) * 8;
    const unit = (packed ? 1 : this.#alignment(member.type)) * 8;
    const wanted = member.bitOffset;
    if (member.bitSize > size) return undefined;
    const width = member.bitSize === 0 ? size : member.bitSize;
    const isField = member.bitSize !== 0;
    const natural = isField ? placeField(at, width, size, unit, packed) : roundUp(at, unit);
    if (natural === wanted) return wanted + width;
    if (natural > wanted && at > wanted) return undefined;
    const afterPadding = isField ? placeField(wanted, width, size, unit, packed) : roundUp(wanted, unit);
    if (afterPadding !== wanted) return undefined;
    pad(at, wanted, items);
    return wanted + width;
  }
}

/** Where a bit-field goes: at once, unless it would reach over the end of a unit of its type. */
function placeField(at: number, width: number, size: number, unit: number, packed: boolean): number {
  if (packed) return at;
  return (at % unit) + width > size ? roundUp(at, unit) : at;
}

const paddingUnits = [
  ["long", 64],
  ["int", 32],
  ["short", 16],
] as const;

/** Most padding that is written out; more than any real struct has. */
const mostPadding = 1 << 24;

/** Unnamed bit-fields from one bit to another, each inside a unit of its type. */
function pad(from: number, to: number, items: BodyItem[]): void {
  if (to - from > mostPadding)
    throw new BpfkitError("EL108", `a struct with ${to - from} bits of padding is too large`);
  let at = from;
  while (at < to) {
    const [unit, bits] = paddingUnits.find(([, width]) => at % width === 0 && at + width <= to) ?? [
      "char",
      8,
    ];
    const take = Math.min(bits - (at % bits), to - at);
    items.push({ kind: "padding", bits: take, unit });
    at += take;
  }
}

/** The power of two that rounds `end` bytes up to `size`; 0 where there is none. */
function alignmentThatMakes(end: number, size: number): number {
  for (let alignment = 2; alignment <= 4096; alignment *= 2) {
    if (roundUp(end, alignment) === size) return alignment;
  }
  return 0;
}

function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}
