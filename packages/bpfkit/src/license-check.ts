/** Refuses at build time what every kernel refuses at load time: GPL-only helpers without a GPL-compatible license. */
import { helperById, isGplCompatible } from "@bpfkit/base/abi";
import { BpfkitError, type Diagnostic } from "@bpfkit/base/diagnostics";
import { CollectionSpec } from "@bpfkit/loader";

const callOpcode = 0x85;
const helperCall = 0;

/**
 * Checks every call of an object.
 * @throws BpfkitError LI001 naming the helper and the C line
 */
export function checkLicense(object: Uint8Array, file: string): void {
  const spec = CollectionSpec.fromObject(object, file);
  if (isGplCompatible(spec.license)) return;
  const found = new Map<string, Diagnostic>();
  const license = spec.license === "" ? "no license" : `license '${spec.license}'`;
  for (const { code } of spec.programs.values()) {
    for (const { slot, instruction } of code.instructions) {
      if (instruction.opcode !== callOpcode || instruction.src !== helperCall) continue;
      const helper = helperById(instruction.imm);
      if (helper?.gplOnly !== true || found.has(helper.name)) continue;
      const line = code.lines.findLast((each) => each.insnOffset <= slot * 8);
      found.set(helper.name, {
        severity: "error",
        code: "LI001",
        message: `bpf_${helper.name} may only be called with a GPL-compatible license; this program has ${license}`,
        ...(line === undefined ? {} : { range: { file: line.file, line: line.line, column: line.column } }),
      });
    }
  }
  const [first] = found.values();
  if (first === undefined) return;
  throw new BpfkitError("LI001", first.message, {
    diagnostics: [...found.values()],
    hint: 'BCC-style: #define BPF_LICENSE GPL; libbpf-style: char LICENSE[] SEC("license") = "GPL";',
  });
}
