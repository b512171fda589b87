/** CO-RE: makes every relocated instruction of a program right for the target kernel's types. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { type BtfTable, type CoreRelocation, CoreRelocationKind, type LineInfo } from "@bpfkit/elf/btf";
import type { LinkedFunction, LinkedInstruction, LinkedProgram } from "../relocate/link-program.ts";
import type { CodeSection } from "../spec/program-spec.ts";
import { type AccessSpec, accessSpelling, parseAccess } from "./access-spec.ts";
import { CandidateFinder } from "./candidates.ts";
import { essentialName, nameOf } from "./compatibility.ts";
import { kindName } from "./kinds.ts";
import { matchAccess } from "./match.ts";
import { type PatchRequest, patchInstruction } from "./patch.ts";
import type { CoreOutcome } from "./report.ts";
import { type RelocationValue, relocationValue, valueOfMissing } from "./value.ts";

/** Relocates programs of one object for one kernel; answers are kept between programs. */
export class CoreRelocator {
  readonly #local: BtfTable;
  readonly #candidates: CandidateFinder;
  readonly #modules: () => readonly BtfTable[];
  #inModules: readonly CandidateFinder[] | undefined;
  readonly #answers = new Map<string, { readonly spec: AccessSpec; readonly request: PatchRequest }>();

  /** @param modules types of the kernel's modules, asked for where the kernel itself has no type of a name */
  constructor(local: BtfTable, target: BtfTable, modules: () => readonly BtfTable[] = () => []) {
    this.#local = local;
    this.#candidates = new CandidateFinder(local, target);
    this.#modules = modules;
  }

  /**
   * Patches the program's instructions in place.
   * @throws BpfkitError LD040 to LD044 where a relocation makes no sense or has more than one answer.
   */
  relocate(program: LinkedProgram): CoreOutcome[] {
    const outcomes: CoreOutcome[] = [];
    const replaced = new Map<LinkedInstruction, LinkedInstruction[]>();
    const bySlot = new Map(program.instructions.map((linked) => [linked.slot, linked]));
    for (const linked of program.functions) {
      for (const relocation of relocationsOf(linked)) {
        const slot = linked.startSlot + relocation.insnOffset / 8 - linked.function.slot;
        const at = bySlot.get(slot);
        if (at === undefined) {
          throw new BpfkitError(
            "LD043",
            `a CO-RE relocation at byte ${relocation.insnOffset} of section ${linked.code.name} is on no instruction`,
          );
        }
        outcomes.push(this.#apply(program, linked, relocation, at, replaced));
      }
    }
    if (replaced.size > 0) {
      const list = program.instructions.flatMap((linked) => replaced.get(linked) ?? [linked]);
      program.instructions.splice(0, program.instructions.length, ...list);
    }
    return outcomes;
  }

  #apply(
    program: LinkedProgram,
    linked: LinkedFunction,
    relocation: CoreRelocation,
    at: LinkedInstruction,
    replaced: Map<LinkedInstruction, LinkedInstruction[]>,
  ): CoreOutcome {
    const { spec, request } = this.#answer(relocation);
    const result = patchInstruction(at.instruction, request);
    const line = lineOf(linked.code, relocation.insnOffset);
    if (result.kind === "refused") {
      const place = line === undefined ? "" : ` (${line.file}:${line.line})`;
      throw new BpfkitError(
        "LD043",
        `program ${program.spec.name}: CO-RE relocation of ${accessSpelling(spec)}${place}: ${result.reason}`,
      );
    }
    if (result.instructions.length === 1) {
      at.instruction = result.instructions[0] ?? at.instruction;
    } else {
      const list = result.instructions.map((instruction, index) => ({
        slot: at.slot + index,
        instruction,
        reference: undefined,
      }));
      replaced.set(at, list);
    }
    return {
      slot: at.slot,
      functionName: linked.function.name,
      access: accessSpelling(spec),
      question: kindName(relocation.kind),
      result: result.kind,
      value: result.kind === "patched" ? request.target?.value : undefined,
      reason: result.kind === "poisoned" ? result.reason : undefined,
      line,
    };
  }

  #answer(relocation: CoreRelocation): { readonly spec: AccessSpec; readonly request: PatchRequest } {
    const key = `${relocation.typeId} ${relocation.kind} ${relocation.access}`;
    const known = this.#answers.get(key);
    if (known !== undefined) return known;
    const spec = parseAccess(this.#local, relocation.typeId, relocation.access, relocation.kind);
    const local = relocationValue(spec);
    const target = relocation.kind === CoreRelocationKind.TypeIdLocal ? local : this.#targetValue(spec);
    const answer = { spec, request: { local, target } };
    this.#answers.set(key, answer);
    return answer;
  }

  /** The one answer that every matching candidate gives. */
  #targetValue(spec: AccessSpec): RelocationValue | undefined {
    let found: { readonly spec: AccessSpec; readonly value: RelocationValue } | undefined;
    for (const { table, id: candidate } of this.#candidatesOf(spec.rootTypeId)) {
      const match = matchAccess(spec, table, candidate);
      if (match === undefined) continue;
      const value = relocationValue(match);
      if (found === undefined) {
        found = { spec: match, value };
      } else if (found.value.value !== value.value || found.spec.bitOffset !== match.bitOffset) {
        throw new BpfkitError(
          "LD044",
          `${accessSpelling(spec)} means different things in the target kernel: types ${found.spec.rootTypeId} and ${candidate} both fit`,
        );
      }
    }
    return found === undefined ? valueOfMissing(spec.kind) : found.value;
  }

  /** In the kernel itself or, where it has none, in its modules (libbpf's bpf_core_find_cands). */
  #candidatesOf(localId: number): readonly { readonly table: BtfTable; readonly id: number }[] {
    const placed = (finder: CandidateFinder) =>
      finder.find(localId).map((id) => ({ table: finder.target, id }));
    const own = placed(this.#candidates);
    if (own.length > 0 || essentialName(nameOf(this.#local.type(localId))) === "") return own;
    this.#inModules ??= this.#modules().map((table) => new CandidateFinder(this.#local, table));
    return this.#inModules.flatMap(placed);
  }
}

function relocationsOf(linked: LinkedFunction): CoreRelocation[] {
  const start = linked.function.slot * 8;
  const end = start + linked.function.slots * 8;
  return linked.code.coreRelocations.filter(
    (relocation) => relocation.insnOffset >= start && relocation.insnOffset < end,
  );
}

/** The last line record at or before an offset. */
export function lineOf(code: CodeSection, insnOffset: number): LineInfo | undefined {
  let found: LineInfo | undefined;
  for (const line of code.lines) {
    if (line.insnOffset > insnOffset) break;
    found = line;
  }
  return found;
}
