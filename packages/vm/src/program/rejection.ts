/** Refusing a program at load, with a log in the words of the kernel's verifier. */
import { Errno } from "@bpfkit/base/abi";
import { SyscallError } from "@bpfkit/base/diagnostics";
import { VerifierRejection } from "@bpfkit/base/kernel";
import { type Instruction, printInstruction } from "@bpfkit/elf/isa";
import type { SourceLine } from "./fault.ts";
import type { ProgramImage } from "./image.ts";

/** Throws load errors of one program. The messages are those of kernel/bpf/verifier.c, so that advice found for them fits. */
export class Rejecter {
  readonly #image: ProgramImage;
  readonly #sourceLine: (slot: number) => SourceLine | undefined;

  constructor(image: ProgramImage, sourceLine: (slot: number) => SourceLine | undefined = () => undefined) {
    this.#image = image;
    this.#sourceLine = sourceLine;
  }

  /** Refuses the instruction at `slot`: source line, instruction, message. */
  at(slot: number, message: string, errno: number = Errno.EINVAL): never {
    const lines: string[] = [];
    const source = this.#sourceLine(slot);
    if (source !== undefined) {
      lines.push(`; ${source.text.trim()} @ ${source.file.replace(/^.*\//, "")}:${source.line}`);
    }
    const opcode = (this.#image.opcode[slot] as number).toString(16).padStart(2, "0");
    lines.push(`${slot}: (${opcode}) ${this.#print(slot)}`.trimEnd());
    return this.program(message, errno, lines);
  }

  /** Refuses the program as a whole. */
  program(message: string, errno: number = Errno.EINVAL, before: readonly string[] = []): never {
    const summary = `processed ${this.#image.slotCount} insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0`;
    const log = [...before, message, summary, ""].join("\n");
    throw new SyscallError("BPF_PROG_LOAD", errno, {
      detail: `${this.#image.name}: ${message}`,
      cause: new VerifierRejection(log),
    });
  }

  /** The instruction's text; empty for what is no instruction. */
  #print(slot: number): string {
    const image = this.#image;
    const [opcode, dst, src] = [image.opcode[slot], image.dst[slot], image.src[slot]] as number[];
    const instruction: Instruction = {
      opcode: opcode ?? 0,
      dst: dst ?? 0,
      src: src ?? 0,
      off: image.off[slot] ?? 0,
      imm: image.imm[slot] ?? 0,
      immHigh: image.isWideLoad(slot) ? (image.imm[slot + 1] ?? 0) : 0,
    };
    try {
      return printInstruction(instruction);
    } catch {
      // Not an instruction that has a text: the message names what is wrong with it.
      return "";
    }
  }
}
