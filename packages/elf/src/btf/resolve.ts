/** What a type amounts to: stripped of names and qualifiers, its size, its alignment, its members. Never recursive. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { BtfMember, BtfType } from "./type.ts";
import type { BtfTable } from "./type-table.ts";

/** Longer chains of typedefs, qualifiers and arrays are taken for damage (the kernel allows 32 levels). */
const longestChain = 256;

/** Pointers of the BPF machine. */
const pointerSize = 8;

/** See {@link BtfTable.resolve}. */
export function stripModifiers(table: BtfTable, id: number): number {
  let current = id;
  for (let step = 0; step < longestChain; step++) {
    const type = table.type(current);
    switch (type.kind) {
      case "typedef":
      case "const":
      case "volatile":
      case "restrict":
      case "type_tag":
        current = type.type;
        break;
      default:
        return current;
    }
  }
  throw cycle(table, id);
}

/** See {@link BtfTable.sizeOf}. */
export function sizeOfType(table: BtfTable, id: number): number {
  let current = id;
  let count = 1;
  for (let step = 0; step < longestChain; step++) {
    const type = table.type(current);
    switch (type.kind) {
      case "array":
        count *= type.count;
        current = type.elementType;
        break;
      case "typedef":
      case "const":
      case "volatile":
      case "restrict":
      case "type_tag":
      case "var":
      case "decl_tag":
        current = type.type;
        break;
      default:
        return checkedSize(table, id, count * ownSize(table, current, type));
    }
  }
  throw cycle(table, id);
}

function ownSize(table: BtfTable, id: number, type: BtfType): number {
  switch (type.kind) {
    case "ptr":
      return pointerSize;
    case "int":
    case "struct":
    case "union":
    case "enum":
    case "enum64":
    case "float":
    case "datasec":
      return type.size;
    case "fwd":
      throw new BpfkitError(
        "EL110",
        `${table.name}: ${type.isUnion ? "union" : "struct"} ${type.name} (type ${id}) is declared, but its size is not known`,
      );
    default:
      return 0;
  }
}

function checkedSize(table: BtfTable, id: number, size: number): number {
  if (size > Number.MAX_SAFE_INTEGER) {
    throw new BpfkitError("EL108", `${table.name}: type ${id} is too large: ${size} bytes`);
  }
  return size;
}

/** See {@link BtfTable.alignOf}. `known` is the table's own cache of struct alignments. */
export function alignmentOf(table: BtfTable, id: number, known: Map<number, number>): number {
  const open = new Set<number>();
  const stack: number[] = [elementOf(table, id)];
  let result = 1;
  while (stack.length > 0) {
    const current = stack[stack.length - 1] ?? 0;
    const type = table.type(current);
    if (type.kind !== "struct" && type.kind !== "union") {
      result = scalarAlignment(table, current, type);
      stack.pop();
      continue;
    }
    const cached = known.get(current);
    if (cached !== undefined) {
      result = cached;
      stack.pop();
      continue;
    }
    const missing = open.has(current) ? [] : openAggregates(table, type.members, known);
    if (missing.length > 0) {
      open.add(current);
      for (const member of missing) {
        if (open.has(member)) throw cycle(table, member);
        stack.push(member);
      }
      continue;
    }
    result = aggregateAlignment(table, type.size, type.members, known);
    known.set(current, result);
    open.delete(current);
    stack.pop();
  }
  return result;
}

/** The struct and union members whose alignment is not known yet. */
function openAggregates(
  table: BtfTable,
  members: readonly BtfMember[],
  known: Map<number, number>,
): number[] {
  const missing: number[] = [];
  for (const member of members) {
    const element = elementOf(table, member.type);
    const kind = table.kindOf(element);
    if ((kind === "struct" || kind === "union") && !known.has(element)) missing.push(element);
  }
  return missing;
}

function aggregateAlignment(
  table: BtfTable,
  size: number,
  members: readonly BtfMember[],
  known: Map<number, number>,
): number {
  let alignment = 1;
  for (const member of members) {
    const element = elementOf(table, member.type);
    const type = table.type(element);
    const own =
      type.kind === "struct" || type.kind === "union"
        ? (known.get(element) ?? missingAlignment(table, element))
        : scalarAlignment(table, element, type);
    if (member.bitSize === 0 && member.bitOffset % (own * 8) !== 0) return 1;
    alignment = Math.max(alignment, own);
  }
  return size % alignment === 0 ? alignment : 1;
}

function missingAlignment(table: BtfTable, id: number): never {
  throw cycle(table, id);
}

function scalarAlignment(table: BtfTable, id: number, type: BtfType): number {
  switch (type.kind) {
    case "ptr":
      return pointerSize;
    case "int":
    case "enum":
    case "enum64":
    case "float":
      return Math.max(1, Math.min(type.size, type.kind === "int" ? 16 : 8));
    case "fwd":
      return ownSize(table, id, type);
    default:
      return 1;
  }
}

/** The element type of an array of any depth, qualifiers and typedefs stripped; other types only stripped. */
export function elementOf(table: BtfTable, id: number): number {
  let current = id;
  for (let step = 0; step < longestChain; step++) {
    current = stripModifiers(table, current);
    const type = table.type(current);
    if (type.kind === "array") current = type.elementType;
    else if (type.kind === "var" || type.kind === "decl_tag") current = type.type;
    else return current;
  }
  throw cycle(table, id);
}

function cycle(table: BtfTable, id: number): BpfkitError {
  return new BpfkitError("EL107", `${table.name}: type ${id} contains itself`, {
    hint: "The BTF is damaged.",
  });
}

/** A member found by name, possibly inside anonymous members. */
export interface FoundMember {
  readonly member: BtfMember;
  /** Bits from the start of the outer type. */
  readonly bitOffset: number;
  /** Indices of the members on the way, anonymous ones included: the numbers of a CO-RE access string. */
  readonly indices: readonly number[];
}

/**
 * Finds a member by name in a struct or union (typedefs and qualifiers are stripped first), looking into anonymous
 * members as C does. Undefined where there is none, or where `id` is no struct or union.
 */
export function findMember(table: BtfTable, id: number, name: string): FoundMember | undefined {
  const queue: { id: number; bitOffset: number; indices: readonly number[] }[] = [
    { id: table.resolve(id), bitOffset: 0, indices: [] },
  ];
  const seen = new Set<number>();
  for (let head = 0; head < queue.length; head++) {
    const entry = queue[head];
    if (entry === undefined || seen.has(entry.id)) continue;
    seen.add(entry.id);
    const type = table.type(entry.id);
    if (type.kind !== "struct" && type.kind !== "union") continue;
    for (const [index, member] of type.members.entries()) {
      const bitOffset = entry.bitOffset + member.bitOffset;
      if (member.name === name) return { member, bitOffset, indices: [...entry.indices, index] };
      if (member.name === "" && entry.indices.length < longestChain) {
        queue.push({ id: table.resolve(member.type), bitOffset, indices: [...entry.indices, index] });
      }
    }
  }
  return undefined;
}

/** What a path of members leads to. */
export interface FoundPath {
  /** Type of the last member, not stripped. */
  readonly type: number;
  /** Bits from the start of the outer type. */
  readonly bitOffset: number;
  /** Width of a bit-field, else 0. */
  readonly bitSize: number;
}

/**
 * Follows a path as C would write it, `a.b[2].c`, from a struct or union. Arrays are indexed, pointers are not followed.
 * Undefined where a name does not exist or an index is applied to something else than an array.
 */
export function findPath(table: BtfTable, id: number, path: string): FoundPath | undefined {
  let current: FoundPath = { type: id, bitOffset: 0, bitSize: 0 };
  for (const step of path.split(/[.[]/)) {
    const index = /^(\d+)\]$/.exec(step);
    if (index !== null) {
      const array = table.type(table.resolve(current.type));
      if (array.kind !== "array") return undefined;
      const bits = Number(index[1]) * table.sizeOf(array.elementType) * 8;
      current = { type: array.elementType, bitOffset: current.bitOffset + bits, bitSize: 0 };
      continue;
    }
    const found = findMember(table, current.type, step);
    if (found === undefined) return undefined;
    current = {
      type: found.member.type,
      bitOffset: current.bitOffset + found.bitOffset,
      bitSize: found.member.bitSize,
    };
  }
  return current;
}
