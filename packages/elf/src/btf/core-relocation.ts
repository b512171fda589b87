/** CO-RE records of .BTF.ext: what a loader must look up in the running kernel's BTF (uapi: enum bpf_core_relo_kind). */
import type { RecordCodec } from "./ext-info.ts";

/** What the instruction's immediate or offset is replaced with. */
export const CoreRelocationKind = {
  FieldByteOffset: 0,
  FieldByteSize: 1,
  FieldExists: 2,
  FieldSigned: 3,
  FieldLeftShiftU64: 4,
  FieldRightShiftU64: 5,
  TypeIdLocal: 6,
  TypeIdTarget: 7,
  TypeExists: 8,
  TypeSize: 9,
  EnumValueExists: 10,
  EnumValue: 11,
  TypeMatches: 12,
} as const;
/** {@link CoreRelocationKind} value. */
export type CoreRelocationKind = (typeof CoreRelocationKind)[keyof typeof CoreRelocationKind];

/** One relocation (struct bpf_core_relo). */
export interface CoreRelocation {
  /** Bytes from the start of the section. */
  readonly insnOffset: number;
  /** The local root type. */
  readonly typeId: number;
  /** Indices joined by colons: `0:2:1`. For types `0`, for enum values the index of the value. */
  readonly access: string;
  /** A {@link CoreRelocationKind}; numbers this version does not know are kept. */
  readonly kind: number;
}

/** See {@link RecordCodec}. */
export const coreRelocationCodec: RecordCodec<CoreRelocation> = {
  name: "CO-RE relocation",
  size: 16,
  decode: (reader, strings) => ({
    insnOffset: reader.u32(),
    typeId: reader.u32(),
    access: strings(reader.u32()),
    kind: reader.u32(),
  }),
  encode: (value, writer, strings) => {
    writer.u32(value.insnOffset).u32(value.typeId).u32(strings(value.access)).u32(value.kind);
  },
};
