/** Machine code as text, for goldens and for looking at what a pass did. */
import type { MachineBlock, MachineFunction } from "./machine-function.ts";
import type { Assembly, MachineInstruction } from "./machine-instruction.ts";
import type { Register } from "./register.ts";
import { noRegister, printRegister } from "./register.ts";

/** A whole function, a line per instruction. */
export function printMachineFunction(fn: MachineFunction): string {
  const lines = [`function ${fn.name}`];
  fn.slots.forEach((slot, index) => {
    const place = slot.offset === 0 ? "" : ` at ${slot.offset}`;
    lines.push(
      `  slot ${index}: ${slot.size} bytes, align ${slot.align}${place}${slot.isSpill ? ", spill" : ""}`,
    );
  });
  for (const block of fn.blocks) lines.push(...printBlock(block));
  return `${lines.join("\n")}\n`;
}

function printBlock(block: MachineBlock): string[] {
  const lines = [`b${block.id}:`];
  for (const phi of block.phis) {
    const ways = phi.incoming.map((way) => `[${printRegister(way.register)}, b${way.block.id}]`);
    lines.push(`  ${printRegister(phi.dst)} = phi ${ways.join(", ")}`);
  }
  for (const insn of block.instructions) lines.push(`  ${printMachineInstruction(insn)}`);
  return lines;
}

/** One instruction. */
export function printMachineInstruction(insn: MachineInstruction): string {
  const dst = insn.dst === noRegister ? "" : `${name(insn.dst, insn.width)} = `;
  return dst + printBody(insn);
}

function printBody(insn: MachineInstruction): string {
  switch (insn.opcode) {
    case "copy":
      return name(insn.a, insn.width);
    case "move":
      return `${insn.imm}`;
    case "load-imm64":
      return `${insn.immHigh}:${insn.imm} ll`;
    case "address":
      return `&${insn.symbol}${insn.imm === 0 ? "" : `+${insn.imm}`}`;
    case "core-value":
      return `core ${insn.symbol}`;
    case "frame-address":
      return `&slot${insn.slot}${insn.offset === 0 ? "" : `+${insn.offset}`}`;
    case "alu":
    case "branch": {
      const right = insn.b === noRegister ? rightImmediate(insn) : name(insn.b, insn.width);
      const text = `${name(insn.a, insn.width)} ${insn.operation} ${right}`;
      return insn.opcode === "alu" ? text : `if ${text} goto b${insn.target?.id}`;
    }
    case "load":
      return `*(${insn.signed ? "s" : "u"}${insn.size * 8} *)(${place(insn)})`;
    case "store": {
      const value = insn.b === noRegister ? `${insn.imm}` : printRegister(insn.b);
      return `*(u${insn.size * 8} *)(${place(insn)}) = ${value}`;
    }
    case "goto":
      return `goto b${insn.target?.id}`;
    case "call":
      return `call ${insn.operation} ${insn.symbol === "" ? insn.imm : insn.symbol} (${insn.argumentMask.toString(2)})`;
    case "assembly":
      return `asm "${insn.assembly?.template}" ${printOperands(insn.assembly)}`;
    case "atomic":
    case "compare-exchange":
      return `${insn.opcode} ${insn.operation} *(u${insn.size * 8} *)(${place(insn)}), ${printRegister(insn.b)}`;
    default:
      return `${insn.opcode} ${[insn.operation, ...registers(insn)].filter((part) => part !== "").join(" ")}`;
  }
}

function rightImmediate(insn: MachineInstruction): string {
  return insn.symbol === "" ? `${insn.imm}` : `core ${insn.symbol}`;
}

function registers(insn: MachineInstruction): string[] {
  return [insn.a, insn.b, insn.c].filter((one) => one !== noRegister).map(printRegister);
}

function name(register: Register, width: 32 | 64): string {
  return printRegister(register) + (width === 32 ? "w" : "");
}

function place(insn: MachineInstruction): string {
  const base = insn.slot >= 0 ? `slot${insn.slot}` : printRegister(insn.a);
  if (insn.symbol !== "") return `${base} + core ${insn.symbol}`;
  return insn.offset < 0 ? `${base} - ${-insn.offset}` : `${base} + ${insn.offset}`;
}

function printOperands(assembly: Assembly | undefined): string {
  const operands = assembly?.operands ?? [];
  return operands.map((one) => `${one.isOutput ? "=" : ""}${printRegister(one.register)}`).join(", ");
}
