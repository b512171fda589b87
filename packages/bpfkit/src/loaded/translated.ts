/** A loaded program's instructions as the verifier left them, with functions, lines of C and names of what is called. */
import type { Fd, Kernel, ProgramCode } from "@bpfkit/base/kernel";
import type { BtfTable } from "@bpfkit/elf/btf";
import {
  decodeInstructions,
  encodeInstructions,
  type Instruction,
  loadImm64Opcode,
  PseudoCall,
  PseudoLoad,
  printInstruction,
  slotCount,
} from "@bpfkit/elf/isa";
import { KernelSymbols } from "@bpfkit/loader";
import { functionRecords, type LineRecord, lineRecords } from "./programs.ts";
import { functionPrototype } from "./type-declaration.ts";
import type { LoadedTypes } from "./types.ts";

/** One instruction. */
export interface TranslatedInstruction {
  /** In 8-byte units. */
  readonly slot: number;
  /** Where a function begins. */
  readonly prototype?: string;
  /** Where a line of C begins. */
  readonly source?: LineRecord;
  /** As bpftool prints it: `(85) call bpf_map_lookup_elem#1`. */
  readonly text: string;
  /** Encoded: 8 or 16 bytes. */
  readonly bytes: Uint8Array;
  readonly instruction: Instruction;
}

/** BPF_CALL: helpers are called by their distance from this function of the kernel. */
const callBase = "__bpf_call_base";
const callOpcode = 0x85;

/** Spells what the kernel has put into instructions: map ids, and distances of functions. */
class Names {
  readonly #symbols: KernelSymbols;
  readonly #code: ProgramCode;
  readonly #base: bigint | undefined;

  constructor(kernel: Kernel, code: ProgramCode) {
    this.#symbols = new KernelSymbols(kernel);
    this.#code = code;
    this.#base = this.#symbols.address(callBase);
  }

  text(instruction: Instruction): string {
    const { opcode, src, imm, off, immHigh, dst } = instruction;
    if (opcode === callOpcode && src === PseudoCall.Local) return `call pc${this.#local(off, imm)}`;
    if (opcode === callOpcode) return this.#call(instruction);
    if (opcode === loadImm64Opcode && src === PseudoLoad.MapFd) return `r${dst} = map[id:${imm}]`;
    if (opcode === loadImm64Opcode && src === PseudoLoad.MapValue) {
      return `r${dst} = map[id:${imm}][0]+${immHigh >>> 0}`;
    }
    return printInstruction(instruction);
  }

  /** A function of the same program: the kernel has put its distance into `off` and its number into `imm`. */
  #local(off: number, imm: number): string {
    const address = this.#code.functionAddresses[imm];
    // Without a compiler the instruction is as it was.
    const slots = this.#code.functionAddresses.length === 0 ? imm : off;
    const distance = slots < 0 ? String(slots) : `+${slots}`;
    if (address === undefined || address === 0n) return distance;
    const name = this.#symbols.name(address);
    return `${distance}#${name === "[unknown]" ? `0x${address.toString(16)}` : name}`;
  }

  /** Tail calls and what the compiler replaces keep the helper's number in place of a distance. */
  #call({ imm, src }: Instruction): string {
    const byNumber = printInstruction({ opcode: callOpcode, dst: 0, src, off: 0, imm, immHigh: 0 });
    if (this.#base === undefined) return byNumber;
    const name = this.#symbols.name(this.#base + BigInt(imm), { showOffset: true });
    return name.endsWith("+0x0") ? `call ${name.slice(0, -"+0x0".length)}#${imm}` : byNumber;
  }
}

/** The instructions of a program. Empty where the kernel does not show them to this user. */
export function translatedInstructions(kernel: Kernel, types: LoadedTypes, fd: Fd): TranslatedInstruction[] {
  const info = kernel.objects.programInfo(fd);
  const code = kernel.objects.programCode(fd);
  const btf = types.table(info.btfId);
  const functions = new Map(functionRecords(code).map(({ slot, typeId }) => [slot, typeId]));
  const lines = btf === undefined ? new Map<number, LineRecord>() : lineRecords(code, btf);
  const names = new Names(kernel, code);
  let slot = 0;
  return decodeInstructions(code.translated).map((instruction) => {
    const at = slot;
    slot += slotCount(instruction);
    return describe(instruction, at, names.text(instruction), {
      btf,
      type: functions.get(at),
      line: lines.get(at),
    });
  });
}

function describe(
  instruction: Instruction,
  slot: number,
  text: string,
  facts: { btf: BtfTable | undefined; type: number | undefined; line: LineRecord | undefined },
): TranslatedInstruction {
  const { btf, type, line } = facts;
  const prototype = btf === undefined || type === undefined ? "" : functionPrototype(btf, type);
  return {
    slot,
    text: `(${instruction.opcode.toString(16).padStart(2, "0")}) ${text}`,
    bytes: encodeInstructions([instruction]),
    instruction,
    ...(prototype === "" ? {} : { prototype }),
    ...(line === undefined ? {} : { source: line }),
  };
}
