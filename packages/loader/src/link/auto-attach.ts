/** Attaches a program where its section name says. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { Kernel } from "@bpfkit/base/kernel";
import type { BpfMap } from "../object/bpf-map.ts";
import type { Program } from "../object/program.ts";
import type { AttachMethod } from "../spec/sections.ts";
import { attachIterator, walksEverything } from "./iterator.ts";
import { attachKprobe, attachKretprobe } from "./kprobe.ts";
import { attachKprobeMulti } from "./kprobe-multi.ts";
import type { Link } from "./link.ts";
import { attachRawTracepoint, attachTracing } from "./raw-tracepoint.ts";
import { syscallFunction } from "./syscall-name.ts";
import { attachTracepoint } from "./tracepoint.ts";
import { attachUprobe, attachUretprobe, uprobeTarget } from "./uprobe.ts";
import { attachUprobeMulti } from "./uprobe-multi.ts";
import { attachUsdt, usdtTarget } from "./usdt.ts";

/** What there is to attach with. */
interface Request {
  readonly kernel: Kernel;
  readonly program: Program;
  /** What the section names. */
  readonly target: string;
  readonly maps: ReadonlyMap<string, BpfMap>;
}

type Attach = (request: Request) => Link | undefined;

/** Methods whose sections may name a target; without one nothing attaches by itself. */
const byTarget: Readonly<Partial<Record<AttachMethod, Attach>>> = {
  kprobe: ({ kernel, program, target }) => attachKprobe(kernel, program, functionAndOffset(target)),
  kretprobe: ({ kernel, program, target }) => attachKretprobe(kernel, program, { function: target }),
  ksyscall: ({ kernel, program, target }) =>
    attachKprobe(kernel, program, { function: syscallFunction(kernel, target) }),
  kretsyscall: ({ kernel, program, target }) =>
    attachKretprobe(kernel, program, { function: syscallFunction(kernel, target) }),
  "kprobe-multi": ({ kernel, program, target }) => attachKprobeMulti(kernel, program, { pattern: target }),
  "kretprobe-multi": ({ kernel, program, target }) =>
    attachKprobeMulti(kernel, program, { pattern: target, returns: true }),
  uprobe: ({ kernel, program, target }) => attachUprobe(kernel, program, uprobeTarget(program, target)),
  uretprobe: ({ kernel, program, target }) => attachUretprobe(kernel, program, uprobeTarget(program, target)),
  "uprobe-multi": (request) => manyUprobes(request, false),
  "uretprobe-multi": (request) => manyUprobes(request, true),
  usdt: ({ kernel, program, target, maps }) => attachUsdt(kernel, program, usdtTarget(program, target), maps),
  tracepoint: ({ kernel, program, target }) => {
    const [category, name, ...rest] = target.split("/");
    if (category === undefined || name === undefined || rest.length > 0) {
      throw new BpfkitError(
        "LD057",
        `program ${program.name}: SEC("${program.spec.section}") does not name CATEGORY/NAME`,
      );
    }
    return attachTracepoint(kernel, program, category, name);
  },
  "raw-tracepoint": ({ kernel, program, target }) => attachRawTracepoint(kernel, program, target),
  iter: ({ kernel, program }) => (walksEverything(program) ? attachIterator(kernel, program) : undefined),
};

/** Methods that know their target without the section's help. */
const always: Readonly<Partial<Record<AttachMethod, Attach>>> = {
  tracing: ({ kernel, program }) => attachTracing(kernel, program),
  lsm: ({ kernel, program }) => attachTracing(kernel, program),
};

/**
 * Attaches by section, or returns undefined where the section names no target (`SEC("kprobe")`) or the program type is
 * attached by hand only: to an interface, a cgroup, a socket, a map, a network namespace or a counter.
 * @param maps those of the program's object, for USDT arguments
 * @throws BpfkitError LD05x and LD08x where the kernel does not have the target
 */
export function autoAttach(
  kernel: Kernel,
  program: Program,
  maps: ReadonlyMap<string, BpfMap> = new Map(),
): Link | undefined {
  const { method, attachTo } = program.spec;
  const request = { kernel, program, target: attachTo ?? "", maps };
  return (always[method] ?? (attachTo === undefined ? undefined : byTarget[method]))?.(request);
}

function manyUprobes({ kernel, program, target }: Request, returns: boolean): Link {
  const colon = target.lastIndexOf(":");
  const [path, pattern] = [target.slice(0, Math.max(0, colon)), target.slice(colon + 1)];
  if (path === "" || pattern === "") {
    throw new BpfkitError(
      "LD057",
      `program ${program.name}: SEC("${program.spec.section}") does not name PATH:PATTERN`,
    );
  }
  return attachUprobeMulti(kernel, program, { path, pattern, returns });
}

/** `function+0x10` -> both parts. */
function functionAndOffset(target: string): { function: string; offset: number } {
  const plus = target.lastIndexOf("+");
  const offset = plus === -1 ? 0 : Number(target.slice(plus + 1));
  if (plus === -1 || !Number.isSafeInteger(offset)) return { function: target, offset: 0 };
  return { function: target.slice(0, plus), offset };
}
