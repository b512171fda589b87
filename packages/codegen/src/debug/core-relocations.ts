/** CO-RE records from the relocation globals that instructions stand for. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { CoreRelocation } from "@bpfkit/elf/btf";
import type { IrGlobal } from "../ir/index.ts";
import type { TypeVisitor } from "./types.ts";

/** A record, and the immediate its instruction must carry when that is only known here. */
export interface RelocationRecord {
  readonly record: CoreRelocation;
  /** Type ids: the number of the local type. */
  readonly immediate: number | undefined;
}

/** The record for an instruction; visits the root type. */
export function coreRelocation(visitor: TypeVisitor, global: IrGlobal, insnOffset: number): RelocationRecord {
  const attachment = global.attachments.find((each) => each.name === "llvm.preserve.access.index");
  const root = visitor.nodes.get(attachment?.id);
  if (root === undefined) throw malformed(global, "has no type");
  const typeId = visitor.visit(root);
  const dollar = global.name.indexOf("$");
  const suffix = global.name.slice(dollar + 1);
  if (global.attributes.has("btf_type_id")) {
    return { record: { insnOffset, typeId, access: "0", kind: Number(suffix) }, immediate: typeId };
  }
  const kind = /:([0-9]+):-?[0-9]+$/.exec(global.name.slice(0, dollar))?.[1];
  if (kind === undefined) throw malformed(global, "has no kind");
  return { record: { insnOffset, typeId, access: suffix, kind: Number(kind) }, immediate: undefined };
}

function malformed(global: IrGlobal, problem: string): BpfkitError {
  return new BpfkitError("CG005", `invalid debug information: the relocation '@${global.name}' ${problem}`);
}
