/** BTF for kernels that do not know all of its kinds: each is replaced by an older one of the same size (as libbpf does). */
import type { FeatureName } from "../features/table.ts";
import { RawKind, type RawType, rewriteTypes } from "../spec/raw-types.ts";

const nothing = new Uint8Array(0);
/** An integer of one byte. */
const byteEncoding = Uint8Array.of(8, 0, 0, 0);
const staticLinkage = 0;
const globalLinkage = 1;

type Replace = (type: RawType) => RawType;

const asByte: Replace = (type) => ({
  ...type,
  kind: RawKind.Int,
  count: 0,
  sizeOrType: 1,
  tail: byteEncoding,
});
const asMembers =
  (kind: number): Replace =>
  (type) => ({ ...type, kind, count: 0, flag: false, tail: nothing });

/** Each kind that is newer than BTF itself, the feature that it needs, and what stands in for it. */
const replacements: readonly (readonly [kind: number, needs: FeatureName, replace: Replace])[] = [
  [RawKind.Func, "btf-func", (type) => ({ ...type, kind: RawKind.Typedef, count: 0 })],
  [
    RawKind.Func,
    "btf-func-global",
    (type) => (type.count === globalLinkage ? { ...type, count: staticLinkage } : type),
  ],
  [RawKind.FuncProto, "btf-func", (type) => ({ ...asMembers(RawKind.Enum)(type), sizeOrType: 4 })],
  [RawKind.Var, "btf-datasec", asByte],
  [RawKind.Datasec, "btf-datasec", (type) => ({ ...asMembers(RawKind.Struct)(type), name: 0 })],
  [RawKind.Float, "btf-float", asMembers(RawKind.Struct)],
  [RawKind.DeclTag, "btf-decl-tag", (type) => ({ ...asByte(type), flag: false })],
  [RawKind.TypeTag, "btf-type-tag", (type) => ({ ...type, kind: RawKind.Const, name: 0 })],
  [RawKind.Enum64, "btf-enum64", asMembers(RawKind.Union)],
];

/** The flag of an enum says that it is signed, which came with 64-bit ones. */
const signedEnums: FeatureName = "btf-enum64";

/** A copy that a kernel takes; the same bytes where it knows everything. */
export function typesFor(btf: Uint8Array, supports: (feature: FeatureName) => boolean): Uint8Array {
  const missing = replacements.filter(([, needs]) => !supports(needs));
  const hasSignedEnums = supports(signedEnums);
  if (missing.length === 0 && hasSignedEnums) return btf;
  return rewriteTypes(btf, (type) => {
    if (type.kind === RawKind.Enum && !hasSignedEnums) return { ...type, flag: false };
    const row = missing.find(([kind]) => kind === type.kind);
    return row === undefined ? type : row[2](type);
  });
}
