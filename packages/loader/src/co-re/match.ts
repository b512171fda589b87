/** Finds the target's counterpart of a local access: fields by name, arrays by index, enumerators by name. */
import { type BtfTable, CoreRelocationKind } from "@bpfkit/elf/btf";
import { type Accessor, type AccessSpec, isFlexibleArray, sizeBits } from "./access-spec.ts";
import { essentialName, fieldsCompatible, typesCompatible, typesMatch } from "./compatibility.ts";
import { kindFamily } from "./kinds.ts";

/** Members nest no deeper than this in anonymous structs. */
const maxAnonymousDepth = 32;

/** The same access in the candidate type, or undefined where it has none. */
export function matchAccess(local: AccessSpec, target: BtfTable, candidate: number): AccessSpec | undefined {
  switch (kindFamily(local.kind)) {
    case "type":
      return matchType(local, target, candidate);
    case "enum":
      return matchEnumerator(local, target, candidate);
    default:
      return matchField(local, target, candidate);
  }
}

function matchType(local: AccessSpec, target: BtfTable, candidate: number): AccessSpec | undefined {
  const test = local.kind === CoreRelocationKind.TypeMatches ? typesMatch : typesCompatible;
  if (!test(local.btf, local.rootTypeId, target, candidate)) return undefined;
  return { btf: target, rootTypeId: candidate, kind: local.kind, accessors: [], bitOffset: 0 };
}

function matchEnumerator(local: AccessSpec, target: BtfTable, candidate: number): AccessSpec | undefined {
  const type = target.type(target.resolve(candidate));
  const wanted = essentialName(local.accessors[0]?.name ?? "");
  if (type.kind !== "enum" && type.kind !== "enum64") return undefined;
  const index = type.values.findIndex((entry) => essentialName(entry.name) === wanted);
  const found = type.values[index];
  if (found === undefined) return undefined;
  const accessors = [{ typeId: candidate, index, name: found.name }];
  return { btf: target, rootTypeId: candidate, kind: local.kind, accessors, bitOffset: 0 };
}

function matchField(local: AccessSpec, target: BtfTable, candidate: number): AccessSpec | undefined {
  const accessors: Accessor[] = [];
  let current = target.resolve(candidate);
  let bitOffset = 0;
  for (const [position, step] of local.accessors.entries()) {
    current = target.resolve(current);
    if (step.name !== undefined) {
      const found = findMember(local.btf, step, target, current);
      if (found === undefined) return undefined;
      accessors.push(found.accessor);
      bitOffset += found.bitOffset;
      current = found.typeId;
      continue;
    }
    if (position > 0) {
      const array = target.type(current);
      if (array.kind !== "array") return undefined;
      const last = accessors.at(-1);
      const flexible = last !== undefined && isFlexibleArray(target, last, array.count);
      if (!flexible && step.index >= array.count) return undefined;
      current = target.resolve(array.elementType);
    }
    accessors.push({ typeId: current, index: step.index, name: undefined });
    bitOffset += step.index * sizeBits(target, current);
  }
  return { btf: target, rootTypeId: candidate, kind: local.kind, accessors, bitOffset };
}

/** A member of the target and its offset in the type where the search began. */
interface FoundMember {
  readonly accessor: Accessor;
  readonly typeId: number;
  readonly bitOffset: number;
}

/** Looks a member up by name, inside of anonymous members too; the first with the name decides. */
function findMember(
  local: BtfTable,
  step: Accessor,
  target: BtfTable,
  ownerId: number,
): FoundMember | undefined {
  const localOwner = local.type(step.typeId);
  if (localOwner.kind !== "struct" && localOwner.kind !== "union") return undefined;
  const localMember = localOwner.members[step.index];
  if (localMember === undefined) return undefined;
  // Depth first, in order of declaration: a stack of owners still to be searched.
  const pending: { id: number; member: number; bitOffset: number }[] = [
    { id: ownerId, member: 0, bitOffset: 0 },
  ];
  while (pending.length > 0 && pending.length <= maxAnonymousDepth) {
    const here = pending[pending.length - 1];
    if (here === undefined) break;
    const owner = target.type(target.resolve(here.id));
    const member = owner.kind === "struct" || owner.kind === "union" ? owner.members[here.member] : undefined;
    if (member === undefined) {
      pending.pop();
      continue;
    }
    here.member += 1;
    const bitOffset = here.bitOffset + member.bitOffset;
    if (member.name === "") {
      pending.push({ id: member.type, member: 0, bitOffset });
    } else if (member.name === step.name) {
      if (!fieldsCompatible(local, localMember.type, target, member.type)) return undefined;
      const accessor = { typeId: target.resolve(here.id), index: here.member - 1, name: member.name };
      return { accessor, typeId: member.type, bitOffset };
    }
  }
  return undefined;
}
