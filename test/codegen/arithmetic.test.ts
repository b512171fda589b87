/** Compiled code in both engines of the VM against the same C on the host: wide integers, overflow, switches, structs. */
import { execFileSync } from "node:child_process";
import { generate } from "@bpfkit/codegen";
import { test } from "uvu";
import { requireTool } from "../support/native-tools.ts";
import { compareWithHost, source } from "./arithmetic-lab.ts";

for (const cpu of ["v2", "v3", "v4"] as const) {
  test(`compiled functions compute what the host computes, -mcpu=${cpu}`, () => {
    const clang = requireTool("clang-19");
    if (clang === undefined) return;
    const compile = [
      "-target",
      "bpf",
      "-O2",
      "-g",
      "-w",
      "-fno-slp-vectorize",
      "-emit-llvm",
      "-S",
      "-o",
      "-",
    ];
    const ir = execFileSync(clang, [...compile, source], { encoding: "utf8" });
    const result = generate(ir, { cpu, mainFile: "arithmetic.c" });
    compareWithHost(result, clang);
  });
}

test.run();
