/** The few directives that make sense inside a function: data in place of instructions (`.8byte` as the kernel's tests use it). */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { decodeInstructions } from "@bpfkit/elf/isa";
import { AsmReader, parseExpression } from "./expression.ts";
import type { AsmItem } from "./item.ts";
import { constant } from "./operands.ts";
import { tokensOf } from "./tokens.ts";

const widths: Readonly<Record<string, number>> = {
  ".byte": 1,
  ".short": 2,
  ".2byte": 2,
  ".hword": 2,
  ".long": 4,
  ".int": 4,
  ".4byte": 4,
  ".quad": 8,
  ".8byte": 8,
};

/** The bytes that a data directive spells out. @throws BpfkitError EL205 for other directives */
export function directiveData(text: string): number[] {
  const reader = new AsmReader(tokensOf(text), text);
  const name = reader.next();
  const width = widths[name];
  if (width === undefined) {
    throw new BpfkitError("EL205", `the directive ${name} is not supported in inline assembly`);
  }
  const bytes: number[] = [];
  do {
    let rest = BigInt.asUintN(width * 8, constant(reader, parseExpression(reader)));
    for (let index = 0; index < width; index++, rest >>= 8n) bytes.push(Number(rest & 0xffn));
  } while (reader.accept(","));
  if (!reader.atEnd) throw reader.error();
  return bytes;
}

/** Instructions out of the bytes of directives that follow each other. @throws BpfkitError EL205 where one is not whole */
export function dataInstructions(bytes: readonly number[]): AsmItem[] {
  if (bytes.length % 8 !== 0) {
    throw new BpfkitError("EL205", `data directives give ${bytes.length} bytes; an instruction has 8`);
  }
  return decodeInstructions(Uint8Array.from(bytes)).map((insn) => ({ insn }));
}
