/** Guest tests of explained rejections: Linux 6.1 words some complaints otherwise than newer kernels. */
import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { formatError } from "@bpfkit/base/diagnostics";
import { BtfTable } from "@bpfkit/elf/btf";
import type { ToolProgram } from "bpfkit";
import { type GuestCase, guestParameter, kernelParameter } from "../guest-case.ts";
import { refuse, rejectedPrograms, rejectionFile, rejectionText } from "../refuse.ts";

const program: ToolProgram = { file: rejectionFile, text: rejectionText };

/** Rejections. */
export const rejectionCases: readonly GuestCase[] = [
  {
    name: "refused programs are explained on this kernel, too",
    programs: [program],
    run(guest) {
      const object = readFileSync(guest.objectPath(program));
      const types = BtfTable.decode(guest.kernel.readKernelFile("/sys/kernel/btf/vmlinux"));
      const wrong: string[] = [];
      // Linux 6.12 takes most of a minute for the slow one, emulated; 6.1 and the host's kernel are asked, too.
      const isNewer = guestParameter(kernelParameter) === "backports";
      for (const each of rejectedPrograms(rejectionText).filter(({ slow }) => !(slow && isNewer))) {
        try {
          const error = refuse(guest.kernel, object, each, types);
          const shown = formatError(error);
          const isPlaced = each.line === undefined || shown.includes(`${rejectionFile}:${each.line}:`);
          if (error.kind !== each.kind || !isPlaced) wrong.push(`${each.name}: ${error.kind}: ${shown}`);
        } catch (error) {
          wrong.push(`${each.name}: ${String(error)}`);
        }
      }
      assert.deepEqual(wrong, []);
    },
  },
];
