/** .ksyms: addresses, variables and functions of the kernel that programs name. */
import { BpfkitError, SyscallError } from "@bpfkit/base/diagnostics";
import type { Fd, Kernel } from "@bpfkit/base/kernel";
import type { BtfTable } from "@bpfkit/elf/btf";
import { essentialName, typesCompatible } from "../co-re/compatibility.ts";
import type { FoundType, KernelTypes } from "../object/kernel-types.ts";
import type { ExternSpec } from "../spec/collection-parts.ts";
import type { ExternValue } from "./references.ts";

/** What names are looked up in. */
export interface SymbolSources {
  readonly kernel: Kernel;
  readonly types: KernelTypes;
  /** The object's own types. */
  readonly local: BtfTable;
}

/** Finds kernel symbols for one object and numbers the modules that kfunc calls name. */
export class KernelSymbolResolver {
  readonly #sources: SymbolSources;
  #addresses: Map<string, bigint> | undefined;
  readonly #wanted: ReadonlySet<string>;
  /** What BPF_PROG_LOAD gets as fd_array: `off` of a call is the place in it, 0 stands for vmlinux. */
  readonly fdArray: Fd[] = [];

  /** @param names of symbols without types, looked up together */
  constructor(sources: SymbolSources, names: Iterable<string>) {
    this.#sources = sources;
    this.#wanted = new Set(names);
  }

  /** Undefined where the kernel has no such symbol. @throws BpfkitError LD034 where it has another type */
  resolve(extern: ExternSpec): ExternValue | undefined {
    const { local } = this.#sources;
    const type = local.type(local.resolve(extern.typeId));
    if (type.kind === "func_proto") return this.#function(extern);
    if (type.kind === "void") {
      const value = this.#address(extern.name);
      return value === undefined ? undefined : { kind: "constant", value };
    }
    const found = this.#sources.types.find(extern.name, "var");
    if (found === undefined) return undefined;
    const table = tableOf(found, this.#sources.types);
    const variable = table.type(found.id);
    if (variable.kind === "var") this.#requireSameType(extern, extern.typeId, variable.type, table);
    return { kind: "kernel-object", id: found.id, module: found.module?.fd ?? 0 };
  }

  #function(extern: ExternSpec): ExternValue | undefined {
    // `name___flavour` names the kernel function `name`, for programs that know several of its prototypes.
    const found = this.#sources.types.find(essentialName(extern.name), "func");
    if (found === undefined) return undefined;
    const table = tableOf(found, this.#sources.types);
    const type = table.type(found.id);
    if (type.kind === "func") this.#requireSameType(extern, extern.typeId, type.type, table);
    return {
      kind: "kernel-function",
      id: found.id,
      module: found.module?.fd ?? 0,
      index: found.module === undefined ? 0 : this.#number(found.module.fd),
    };
  }

  #number(fd: Fd): number {
    const known = this.fdArray.indexOf(fd);
    if (known > 0) return known;
    // Place 0 is never looked at.
    if (this.fdArray.length === 0) this.fdArray.push(fd);
    return this.fdArray.push(fd) - 1;
  }

  #requireSameType(extern: ExternSpec, mine: number, theirs: number, table: BtfTable): void {
    if (typesCompatible(this.#sources.local, mine, table, theirs)) return;
    throw new BpfkitError("LD034", `${extern.name} has another type in ${this.#sources.kernel.name}`, {
      hint: "Declare it as this kernel's headers do; a flavour (name___new) can be declared for each kernel.",
    });
  }

  #address(name: string): bigint | undefined {
    this.#addresses ??= readAddresses(this.#sources.kernel, this.#wanted);
    return this.#addresses.get(name);
  }
}

function tableOf(found: FoundType, types: KernelTypes): BtfTable {
  return found.module?.table ?? types.vmlinux;
}

/** An address that is shown. */
const shown = /^(?!0+ )[0-9a-f]+ /m;

/**
 * The first address of each wanted name in /proc/kallsyms; none where there is no such file.
 * @throws BpfkitError LK003 where the kernel shows every address as 0
 */
function readAddresses(kernel: Kernel, wanted: ReadonlySet<string>): Map<string, bigint> {
  const addresses = new Map<string, bigint>();
  let text: string;
  try {
    text = new TextDecoder("latin1").decode(kernel.readKernelFile("/proc/kallsyms"));
  } catch (error) {
    if (error instanceof SyscallError) return addresses;
    throw error;
  }
  for (const line of text.split("\n")) {
    const start = line.indexOf(" ", line.indexOf(" ") + 1) + 1;
    const tab = line.indexOf("\t", start);
    const name = tab === -1 ? line.slice(start) : line.slice(start, tab);
    if (!wanted.has(name) || addresses.has(name)) continue;
    addresses.set(name, BigInt(`0x${line.slice(0, line.indexOf(" "))}`));
  }
  const [first] = addresses.keys();
  if (first !== undefined && !shown.test(text)) {
    throw new BpfkitError("LK003", `the kernel hides its addresses from this process, that of ${first} too`, {
      hint: "Run it as root, or give it CAP_SYSLOG; kernel.kptr_restrict must be below 2.",
    });
  }
  return addresses;
}
