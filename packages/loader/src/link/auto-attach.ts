/** Attaches a program where its section name says. */
import { BpfkitError, NotSupportedError } from "@bpfkit/base/diagnostics";
import type { Kernel } from "@bpfkit/base/kernel";
import type { Program } from "../object/program.ts";
import { attachKprobe, attachKretprobe } from "./kprobe.ts";
import type { Link } from "./link.ts";
import { attachRawTracepoint, attachTracing } from "./raw-tracepoint.ts";
import { syscallFunction } from "./syscall-name.ts";
import { attachTracepoint } from "./tracepoint.ts";

/**
 * Attaches by section, or returns undefined where the section names no target (`SEC("kprobe")`) or the program type is
 * attached by hand only (`socket`, `perf_event`).
 * @throws NotSupportedError for attach types that this loader does not have yet.
 */
export function autoAttach(kernel: Kernel, program: Program): Link | undefined {
  const { method, attachTo, section } = program.spec;
  switch (method) {
    case "tracing":
    case "lsm":
      return attachTracing(kernel, program);
    case "none":
    case "perf-event":
    case "socket-filter":
      return undefined;
    default:
      break;
  }
  if (attachTo === undefined) return undefined;
  switch (method) {
    case "kprobe":
      return attachKprobe(kernel, program, functionAndOffset(attachTo));
    case "kretprobe":
      return attachKretprobe(kernel, program, { function: attachTo });
    case "ksyscall":
      return attachKprobe(kernel, program, { function: syscallFunction(kernel, attachTo) });
    case "kretsyscall":
      return attachKretprobe(kernel, program, { function: syscallFunction(kernel, attachTo) });
    case "tracepoint": {
      const [category, name, ...rest] = attachTo.split("/");
      if (category === undefined || name === undefined || rest.length > 0) {
        throw new BpfkitError(
          "LD057",
          `program ${program.name}: SEC("${section}") does not name CATEGORY/NAME`,
        );
      }
      return attachTracepoint(kernel, program, category, name);
    }
    case "raw-tracepoint":
      return attachRawTracepoint(kernel, program, attachTo);
    default:
      throw new NotSupportedError(`attaching SEC("${section}")`);
  }
}

/** `function+0x10` -> both parts. */
function functionAndOffset(target: string): { function: string; offset: number } {
  const plus = target.lastIndexOf("+");
  const offset = plus === -1 ? 0 : Number(target.slice(plus + 1));
  if (plus === -1 || !Number.isSafeInteger(offset)) return { function: target, offset: 0 };
  return { function: target.slice(0, plus), offset };
}
