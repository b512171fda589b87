/**
 * Oracle: the verifier of the running kernel prints the same text, and finds the same registers live. The program is made
 * to be refused after it has been listed, so nothing is ever loaded. Needs root and Linux 6.16, which lists whole programs.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { join } from "node:path";
import { compareReleases } from "@bpfkit/base/abi";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { canLoadBpf, findTool } from "../../../../test/support/native-tools.ts";
import { type ObjectFile, SectionFlag, SectionType, writeObject } from "../object/index.ts";
import {
  assemble,
  clobbers,
  defines,
  encodeInstructions,
  type Instruction,
  printInstruction,
  uses,
} from "./index.ts";

/** One line of `Live regs before insn`. */
interface KernelLine {
  readonly live: string;
  readonly opcode: number;
  readonly text: string;
}

const registers = Array.from({ length: 10 }, (_, register) => register);
const alu = ["+=", "-=", "*=", "/=", "|=", "&=", "<<=", ">>=", "%=", "^=", "=", "s>>=", "s/=", "s%="];
const compare = ["==", ">", ">=", "&", "!=", "s>", "s>=", "<", "<=", "s<", "s<="];
const sizes = ["u8", "u16", "u32", "u64"];

/** Every form that can stand in a straight line. */
const lines: readonly string[] = [
  ...alu.flatMap((operator) => [
    `r1 ${operator} r2`,
    `r3 ${operator} 9`,
    `w4 ${operator} w5`,
    `w6 ${operator} 9`,
  ]),
  "r7 = -123456789",
  "r1 = -r1",
  "w2 = -w2",
  ...["r1 = (s8)r2", "r1 = (s16)r2", "r1 = (s32)r2", "w3 = (s8)w4", "w3 = (s16)w4"],
  ...["be", "le", "bswap"].flatMap((swap) => [16, 32, 64].map((bits) => `r5 = ${swap}${bits} r5`)),
  ...sizes.flatMap((size) => [
    `r2 = *(${size} *)(r3 +16)`,
    `*(${size} *)(r4 -24) = r5`,
    `*(${size} *)(r6 +0) = -7`,
    `r1 = load_acquire((${size} *)(r2 +8))`,
    `store_release((${size} *)(r10 -8), r7)`,
  ]),
  ...["s8", "s16", "s32"].map((size) => `r8 = *(${size} *)(r9 +4)`),
  ...["u32", "u64"].flatMap((size) => [
    ...["+=", "|=", "&=", "^="].map((operator) => `lock *(${size} *)(r10 -16) ${operator} r2`),
    ...["add", "or", "and", "xor"].map((name) => `r2 = ${fetch(size)}_fetch_${name}((${size} *)(r1 -8), r2)`),
    `r3 = ${fetch(size)}_xchg((${size} *)(r4 +0), r3)`,
    `r0 = ${fetch(size)}_cmpxchg((${size} *)(r4 +0), r0, r5)`,
  ]),
  ...compare.flatMap((operator) => [
    `if r1 ${operator} r2 goto pc+0`,
    `if r3 ${operator} 0x7fffffff goto pc+0`,
    `if w4 ${operator} w5 goto pc+0`,
    `if w6 ${operator} 0xfffffff0 goto pc+0`,
  ]),
  "goto pc+0",
  "gotol pc+0",
  "r1 = 0x1122334455667788",
  "r2 = 0xffffffffffffffff",
  "r6 = r7",
  ...[1, 2, 3, 5, 7, 8, 14, 26].map((helper) =>
    printInstruction(assemble(`call ${helper}`)[0] as Instruction),
  ),
  "exit",
];

/** The verifier takes every register for live before these. */
const packetLoads: readonly string[] = [
  // Without a value in r9, this is refused.
  "r1 = r9",
  ...["u8", "u16", "u32"].flatMap((size) => [`r0 = *(${size} *)skb[12]`, `r0 = *(${size} *)skb[r7 + 20]`]),
  "exit",
];

function fetch(size: string): string {
  return size === "u64" ? "atomic64" : "atomic";
}

function objectOf(code: Uint8Array): ObjectFile {
  const license = new TextEncoder().encode("GPL\0");
  const common = { type: SectionType.Progbits, entrySize: 0, relocations: [] };
  const place = { binding: "global", visibility: "default" } as const;
  return {
    flags: 0,
    sections: [
      {
        ...common,
        name: "socket",
        flags: SectionFlag.Alloc | SectionFlag.Execinstr,
        addressAlign: 8,
        size: code.length,
        data: code,
      },
      { ...common, name: "license", flags: SectionFlag.Alloc, addressAlign: 1, size: 4, data: license },
    ],
    symbols: [
      { ...place, name: "forms", value: 0, size: code.length, type: "func", section: 0 },
      { ...place, name: "_license", value: 0, size: 4, type: "object", section: 1 },
    ],
  };
}

function verifierListing(code: Uint8Array): KernelLine[] {
  const folder = mkdtempSync(join(tmpdir(), "bpfkit-verifier-"));
  let log = "";
  try {
    const file = join(folder, "forms.o");
    writeFileSync(file, writeObject(objectOf(code)));
    execFileSync(
      findTool("bpftool") ?? "",
      ["-d", "prog", "load", file, `/sys/fs/bpf/bpfkit-forms-${process.pid}`],
      {
        encoding: "utf8",
        stdio: "pipe",
      },
    );
    throw new Error("the verifier accepted a program that reads registers without a value");
  } catch (error) {
    log = String((error as { stderr?: string }).stderr ?? error);
  } finally {
    rmSync(folder, { recursive: true });
  }
  const listed = /Live regs before insn:\n((?: +\d+: .*\n)+)/.exec(log)?.[1];
  if (listed === undefined) throw new Error(`no listing in the log:\n${log}`);
  return listed
    .trimEnd()
    .split("\n")
    .map((line) => {
      const match = /^ +\d+: ([.\d]{10}) \(([0-9a-f]{2})\) (.*?) *$/.exec(line);
      if (match === null) throw new Error(`not understood: ${line}`);
      return { live: match[1] ?? "", opcode: Number.parseInt(match[2] ?? "", 16), text: match[3] ?? "" };
    });
}

/** Registers live before each instruction of a straight line (jumps lead to the next), r10 left out. */
function liveness(code: readonly Instruction[]): string[] {
  let live = new Set<number>();
  const result: string[] = [];
  for (const instruction of [...code].reverse()) {
    const gone = new Set([...defines(instruction), ...clobbers(instruction)]);
    live = new Set([...[...live].filter((register) => !gone.has(register)), ...uses(instruction)]);
    result.unshift(registers.map((register) => (live.has(register) ? String(register) : ".")).join(""));
  }
  return result;
}

const isListed = canLoadBpf() && compareReleases(release(), "6.16") >= 0;
if (!isListed) {
  process.stderr.write(
    "SKIPPED: this kernel or user cannot list a program; the verifier's text was not compared\n",
  );
}

/** Our code and the kernel's lines about it, once the texts have been found equal. */
function compareTexts(source: readonly string[]): {
  readonly code: Instruction[];
  readonly kernel: KernelLine[];
} {
  const code = assemble(source.join("\n"));
  assert.is(code.length, source.length);
  const kernel = verifierListing(encodeInstructions(code));
  assert.is(kernel.length, code.length);
  for (const [index, instruction] of code.entries()) {
    assert.is(printInstruction(instruction), kernel[index]?.text, source[index]);
    assert.is(instruction.opcode, kernel[index]?.opcode, source[index]);
  }
  return { code, kernel };
}

test("text and live registers are the kernel's", () => {
  if (!isListed) return;
  const { code, kernel } = compareTexts(lines);
  for (const [index, live] of liveness(code).entries())
    assert.is(live, kernel[index]?.live, `before ${lines[index]}`);
});

test("text of packet loads is the kernel's", () => {
  if (isListed) compareTexts(packetLoads);
});

test.run();
