/** Function records of .BTF.ext: which BTF func begins at an instruction. */
import type { RecordCodec } from "./ext-info.ts";

/** Names the type of a function (struct bpf_func_info). */
export interface FuncInfo {
  /** Bytes from the start of the section. */
  readonly insnOffset: number;
  /** Id of a BTF func. */
  readonly typeId: number;
}

/** See {@link RecordCodec}. */
export const funcInfoCodec: RecordCodec<FuncInfo> = {
  name: "function info",
  size: 8,
  decode: (reader) => ({ insnOffset: reader.u32(), typeId: reader.u32() }),
  encode: (value, writer) => {
    writer.u32(value.insnOffset).u32(value.typeId);
  },
};
