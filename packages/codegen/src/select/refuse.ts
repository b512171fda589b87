/** Refusals with the place in the user's C, found through debug information. */
import type { Diagnostic, SourceRange } from "@bpfkit/base/diagnostics";
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { MetadataField, MetadataNode, MetadataTable } from "../ir/metadata.ts";

/** Codes of the back end's refusals. */
export const Refusal = {
  /** A construct BPF, or this version of bpfkit, has no code for. */
  Unsupported: "CG101",
  /** The frame is over 512 bytes. */
  StackTooBig: "CG102",
  /** More than five arguments. */
  TooManyArguments: "CG103",
  /** Signed division or remainder below -mcpu=v4. */
  SignedDivision: "CG104",
  /** A jump further than 16 bits reach, below -mcpu=v4. */
  JumpTooFar: "CG105",
  /** An array whose length is known at run time only. */
  VariableArray: "CG106",
  /** memcpy, memmove or memset of unknown or excessive length. */
  MemoryFunction: "CG107",
  /** Floating point. */
  FloatingPoint: "CG108",
  /** A call through a pointer. */
  IndirectCall: "CG109",
  /** Inline assembly that cannot be assembled. */
  Assembly: "CG110",
  /** An atomic operation the instruction set lacks. */
  Atomic: "CG111",
  /** A data initializer that cannot be expressed. */
  Initializer: "CG112",
  /** Code that must not be reached is left: `__builtin_trap`, libbpf's `__bpf_unreachable`. */
  Trap: "CG113",
  /** More instructions than a kernel takes. */
  TooManyInstructions: "CG114",
} as const;

/**
 * An error about user code at a DILocation.
 * @param location metadata id of the DILocation, negative or undefined where there is none
 */
export function refusal(
  metadata: MetadataTable,
  code: string,
  message: string,
  location: number | undefined,
  hint?: string,
  notes: readonly Diagnostic[] = [],
): BpfkitError {
  const range = sourceRangeOf(metadata, location);
  const diagnostic: Diagnostic = {
    severity: "error",
    code,
    message,
    ...(range === undefined ? {} : { range }),
    ...(hint === undefined ? {} : { hint }),
    ...(notes.length === 0 ? {} : { notes }),
  };
  return new BpfkitError(code, message, {
    diagnostics: [diagnostic],
    ...(hint === undefined ? {} : { hint }),
  });
}

/** File, line and column of a DILocation, a DILocalVariable or a DISubprogram; undefined where there is no usable node. */
export function sourceRangeOf(
  metadata: MetadataTable,
  location: number | undefined,
): SourceRange | undefined {
  if (location === undefined || location < 0) return undefined;
  const node = metadata.node(location);
  if (node === undefined || node.kind !== "specialised") return undefined;
  const line = numberOf(node.fields.get("line"));
  if (line === 0) return undefined;
  const file = fileOf(metadata, node);
  if (file === undefined) return undefined;
  return { file, line, column: Math.max(1, numberOf(node.fields.get("column"))) };
}

/** The C name of a DILocalVariable. */
export function variableName(metadata: MetadataTable, variable: number | undefined): string | undefined {
  const node = variable === undefined ? undefined : metadata.node(variable);
  const name = node?.kind === "specialised" ? node.fields.get("name") : undefined;
  return name?.kind === "string" ? name.text : undefined;
}

function numberOf(field: MetadataField | undefined): number {
  return field?.kind === "number" ? Number(field.value) : 0;
}

/** Climbs from a node through its scopes to the nearest DIFile. */
function fileOf(metadata: MetadataTable, start: MetadataNode): string | undefined {
  let node: MetadataNode | undefined = start;
  for (let step = 0; step < 1000 && node !== undefined && node.kind === "specialised"; step++) {
    if (node.tag === "DIFile") {
      const name = node.fields.get("filename");
      return name?.kind === "string" ? name.text : undefined;
    }
    const next: MetadataField | undefined = node.fields.get("file") ?? node.fields.get("scope");
    node =
      next?.kind === "reference" ? metadata.node(next.id) : next?.kind === "node" ? next.node : undefined;
  }
  return undefined;
}
