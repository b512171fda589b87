/** When a type of the target kernel can stand for a type of the object (the rules are libbpf's relo_core). */
import type { BtfKind, BtfTable, BtfType } from "@bpfkit/elf/btf";

/** Types nest no deeper than this. */
const maxDepth = 32;

/** `task_struct___v2` -> `task_struct`: what follows three underscores is a flavour, for the programmer only. */
export function essentialName(name: string): string {
  for (let index = name.length - 5; index >= 0; index -= 1) {
    const separates =
      name[index] !== "_" &&
      name.startsWith("___", index + 1) &&
      name[index + 4] !== "_" &&
      index + 4 < name.length;
    if (separates) return name.slice(0, index + 1);
  }
  return name;
}

/** The name of a type, or "". */
export function nameOf(type: BtfType): string {
  return "name" in type ? type.name : "";
}

function isEnum(kind: BtfKind): boolean {
  return kind === "enum" || kind === "enum64";
}

/** Same kind, the two enum kinds being one. */
export function sameKind(a: BtfType, b: BtfType): boolean {
  return a.kind === b.kind || (isEnum(a.kind) && isEnum(b.kind));
}

function isComposite(type: BtfType): boolean {
  return type.kind === "struct" || type.kind === "union";
}

function namesAgree(local: BtfType, target: BtfType): boolean {
  const a = essentialName(nameOf(local));
  const b = essentialName(nameOf(target));
  return a === "" || b === "" || a === b;
}

/** Whether a field of type `localId` may be read as the target's field of type `targetId`. */
export function fieldsCompatible(
  local: BtfTable,
  localId: number,
  target: BtfTable,
  targetId: number,
): boolean {
  let a = local.type(local.resolve(localId));
  let b = target.type(target.resolve(targetId));
  for (let depth = 0; depth < maxDepth; depth += 1) {
    if (isComposite(a) && isComposite(b)) return true;
    if (!sameKind(a, b)) return false;
    switch (a.kind) {
      case "ptr":
      case "float":
        return true;
      case "fwd":
      case "enum":
      case "enum64":
        return namesAgree(a, b);
      case "int":
        return a.bitOffset === 0 && b.kind === "int" && b.bitOffset === 0;
      case "array":
        if (b.kind !== "array") return false;
        a = local.type(local.resolve(a.elementType));
        b = target.type(target.resolve(b.elementType));
        break;
      default:
        return false;
    }
  }
  return false;
}

/** A pair of types still to be compared. */
interface Pair {
  readonly local: number;
  readonly target: number;
  readonly depth: number;
  readonly behindPointer: boolean;
}

/** Whether two types are compatible as wholes: same kinds down to the first named type. */
export function typesCompatible(
  local: BtfTable,
  localId: number,
  target: BtfTable,
  targetId: number,
): boolean {
  const pairs: Pair[] = [{ local: localId, target: targetId, depth: 0, behindPointer: false }];
  for (let pair = pairs.pop(); pair !== undefined; pair = pairs.pop()) {
    if (pair.depth > maxDepth) return false;
    const a = local.type(local.resolve(pair.local));
    const b = target.type(target.resolve(pair.target));
    if (!sameKind(a, b)) return false;
    const next = { depth: pair.depth + 1, behindPointer: false };
    if (a.kind === "int" && b.kind === "int" && (a.bitOffset !== 0 || b.bitOffset !== 0)) return false;
    if (a.kind === "ptr" && b.kind === "ptr") pairs.push({ ...next, local: a.type, target: b.type });
    if (a.kind === "array" && b.kind === "array") {
      pairs.push({ ...next, local: a.elementType, target: b.elementType });
    }
    if (a.kind === "func_proto" && b.kind === "func_proto") {
      if (a.params.length !== b.params.length) return false;
      a.params.forEach((param, index) => {
        pairs.push({ ...next, local: param.type, target: b.params[index]?.type ?? 0 });
      });
      pairs.push({ ...next, local: a.returnType, target: b.returnType });
    }
    if (a.kind === "func" || a.kind === "var" || a.kind === "datasec") return false;
  }
  return true;
}

/** The strict form (`bpf_core_type_matches`): names, sizes and every member of the local type are in the target. */
export function typesMatch(local: BtfTable, localId: number, target: BtfTable, targetId: number): boolean {
  const pairs: Pair[] = [{ local: localId, target: targetId, depth: 0, behindPointer: false }];
  // Recursive types come around again: each pair is looked at once.
  const seen = new Set<string>();
  for (let pair = pairs.pop(); pair !== undefined; pair = pairs.pop()) {
    const localType = local.resolve(pair.local);
    const targetType = target.resolve(pair.target);
    const key = `${localType}:${targetType}:${pair.behindPointer}`;
    if (seen.has(key)) continue;
    seen.add(key);
    if (pair.depth > maxDepth) return false;
    const inner = matchOne(local, local.type(localType), target, target.type(targetType), pair);
    if (inner === undefined) return false;
    pairs.push(...inner);
  }
  return true;
}

/** The pairs that must match too, or undefined where these two do not. */
function matchOne(
  local: BtfTable,
  a: BtfType,
  target: BtfTable,
  b: BtfType,
  pair: Pair,
): readonly Pair[] | undefined {
  const { behindPointer } = pair;
  const next = { depth: pair.depth + 1, behindPointer };
  if (!namesAgreeStrictly(a, b)) return undefined;
  if (behindPointer && (a.kind === "fwd" || isComposite(a))) {
    // Behind a pointer a declaration stands for the whole type.
    const union = (type: BtfType): boolean => type.kind === "union" || (type.kind === "fwd" && type.isUnion);
    return (b.kind === "fwd" || isComposite(b)) && union(a) === union(b) ? [] : undefined;
  }
  if (!sameKind(a, b)) return undefined;
  switch (a.kind) {
    case "void":
    case "fwd":
      return [];
    case "int":
      return b.kind === "int" && a.size === b.size && a.signed === b.signed ? [] : undefined;
    case "float":
      return b.kind === "float" && a.size === b.size ? [] : undefined;
    case "ptr":
      return b.kind === "ptr" ? [{ ...next, behindPointer: true, local: a.type, target: b.type }] : undefined;
    case "array":
      return b.kind === "array" && a.count === b.count
        ? [{ ...next, local: a.elementType, target: b.elementType }]
        : undefined;
    case "enum":
    case "enum64":
      return enumsMatch(a, b) ? [] : undefined;
    case "struct":
    case "union":
      return b.kind === a.kind ? matchMembers(a, b, next) : undefined;
    case "func_proto": {
      if (b.kind !== "func_proto" || a.params.length !== b.params.length) return undefined;
      const parameters = a.params.map((param, index) => ({
        ...next,
        local: param.type,
        target: b.params[index]?.type ?? 0,
      }));
      return [...parameters, { ...next, local: a.returnType, target: b.returnType }];
    }
    default:
      return local === target ? [] : undefined;
  }
}

function namesAgreeStrictly(a: BtfType, b: BtfType): boolean {
  const named = isComposite(a) || isEnum(a.kind) || a.kind === "fwd";
  return !named || essentialName(nameOf(a)) === essentialName(nameOf(b));
}

function enumsMatch(a: BtfType, b: BtfType): boolean {
  if ((a.kind !== "enum" && a.kind !== "enum64") || (b.kind !== "enum" && b.kind !== "enum64")) return false;
  const names = new Set(b.values.map((entry) => essentialName(entry.name)));
  return a.values.every((entry) => names.has(essentialName(entry.name)));
}

function matchMembers(
  a: Extract<BtfType, { kind: "struct" | "union" }>,
  b: Extract<BtfType, { kind: "struct" | "union" }>,
  next: { readonly depth: number; readonly behindPointer: boolean },
): Pair[] | undefined {
  const pairs: Pair[] = [];
  for (const member of a.members) {
    const counterpart = b.members.find((candidate) => candidate.name === member.name);
    if (counterpart === undefined) return undefined;
    pairs.push({ ...next, local: member.type, target: counterpart.type });
  }
  return pairs;
}
