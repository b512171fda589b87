/**
 * Where arguments of a USDT probe are: the compiler's operand text to the record that programs read
 * (libbpf's struct __bpf_usdt_arg_spec; operand forms after libbpf's usdt.c and BCC's usdt_args.cc).
 */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { Kernel } from "@bpfkit/base/kernel";
import { registerOffset } from "./registers.ts";

/** One argument. */
export interface UsdtArgument {
  /** How to read it: a constant, a register, memory behind a register, memory behind two. */
  readonly kind: "constant" | "register" | "memory" | "indexed";
  /** The constant, or what is added to the address. */
  readonly value: bigint;
  /** Offset of the register in struct pt_regs, in bytes. */
  readonly register: number;
  /** The same of the index register, which is multiplied by `1 << scaleShift`. */
  readonly index: number;
  readonly scaleShift: number;
  /** 1, 2, 4 or 8. */
  readonly sizeBytes: number;
  readonly signed: boolean;
}

type Architecture = Kernel["architecture"];

/** `-4@-20(%rbp,%rax,8)` and simpler. */
const x86Memory = /^(-?(?:0x[0-9a-fA-F]+|\d+))?\((%\w+)(?:,\s*(%\w+)(?:,\s*([1248]))?)?\)$/;
/** `[sp, 12]`, `[x0]`, `[x0, #8]`. */
const armMemory = /^\[(\w+)(?:,\s*#?(-?(?:0x[0-9a-fA-F]+|\d+)))?\]$/;

/** The arguments of a note. Their texts are parted by spaces, which memory operands of arm64 hold, too. */
export function splitArguments(text: string): string[] {
  const found: string[] = [];
  let start = 0;
  // A new argument starts with its size and an @.
  for (const match of text.matchAll(/(?:^|\s)(-?\d+f?)@/g)) {
    const at = match.index + (match[0].length - (match[1]?.length ?? 0) - 1);
    if (at > start) found.push(text.slice(start, at).trim());
    start = at;
  }
  found.push(text.slice(start).trim());
  return found.filter((part) => part !== "");
}

/**
 * Reads one argument.
 * @throws BpfkitError LD084 for an operand that programs cannot read: relative to the instruction, in a vector register
 */
export function parseArgument(text: string, architecture: Architecture): UsdtArgument {
  const match = /^(-?)([1248])(f?)@(.+)$/s.exec(text);
  const operand = match?.[4]?.trim();
  if (match === null || operand === undefined) throw unreadable(text, "it does not begin with a size");
  if (match[3] === "f") throw unreadable(text, "it is a floating point number");
  const size = { sizeBytes: Number(match[2]), signed: match[1] === "-" };
  const none = { value: 0n, register: 0, index: 0, scaleShift: 0 };
  const register = (name: string): number => {
    const offset = registerOffset(name, architecture);
    if (offset === undefined)
      throw unreadable(text, `register ${name} is not saved where programs can read it`);
    return offset;
  };
  const constant =
    architecture === "x86_64" ? /^\$(-?(?:0x[0-9a-fA-F]+|\d+))$/ : /^#?(-?(?:0x[0-9a-fA-F]+|\d+))$/;
  const number = constant.exec(operand)?.[1];
  if (number !== undefined) return { ...none, ...size, kind: "constant", value: integer(number) };
  if (architecture === "arm64") {
    const memory = armMemory.exec(operand);
    if (memory === null) return { ...none, ...size, kind: "register", register: register(operand) };
    const value = integer(memory[2] ?? "0");
    return { ...none, ...size, kind: "memory", register: register(memory[1] ?? ""), value };
  }
  if (/^%\w+$/.test(operand))
    return { ...none, ...size, kind: "register", register: register(operand.slice(1)) };
  const memory = x86Memory.exec(operand);
  if (memory === null) throw unreadable(text, "it is not in a register, on the stack or constant");
  const [, offset = "0", base = "", index, scale = "1"] = memory;
  const place = { value: integer(offset), register: register(base.slice(1)) };
  if (index === undefined) return { ...none, ...size, ...place, kind: "memory" };
  const scaleShift = Math.log2(Number(scale));
  return { ...size, ...place, kind: "indexed", index: register(index.slice(1)), scaleShift };
}

function integer(text: string): bigint {
  return text.startsWith("-") ? -BigInt(text.slice(1)) : BigInt(text);
}

function unreadable(text: string, why: string): BpfkitError {
  return new BpfkitError("LD084", `the argument ${text} of a USDT probe cannot be read: ${why}`, {
    hint: "Build the traced program with other options, for example -O1, or do not read this argument.",
  });
}
