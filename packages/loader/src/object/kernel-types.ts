/** Types of the running kernel and of its modules, read when they are asked for. */
import { BpfkitError, NotSupportedError, SyscallError } from "@bpfkit/base/diagnostics";
import type { Fd, Kernel } from "@bpfkit/base/kernel";
import { BtfTable } from "@bpfkit/elf/btf";

const vmlinuxPath = "/sys/kernel/btf/vmlinux";

/** A module's types: split BTF on vmlinux's. */
export interface ModuleTypes {
  readonly name: string;
  readonly table: BtfTable;
  /** Descriptor of the BTF object: the kernel wants it with ids of the module. */
  readonly fd: Fd;
}

/** A type that was found, and the module that has it; undefined for vmlinux. */
export interface FoundType {
  readonly id: number;
  readonly module: ModuleTypes | undefined;
}

type Kind = "func" | "var" | "typedef";

/** Types of one kernel. Close it once everything that names a module's types is loaded. */
export class KernelTypes {
  readonly #kernel: Kernel;
  #vmlinux: BtfTable | undefined;
  #modules: readonly ModuleTypes[] | undefined;

  /** @param vmlinux types that are known already */
  constructor(kernel: Kernel, vmlinux: BtfTable | undefined) {
    this.#kernel = kernel;
    this.#vmlinux = vmlinux;
  }

  /** @throws BpfkitError LK004 where the kernel has no BTF */
  get vmlinux(): BtfTable {
    this.#vmlinux ??= BtfTable.decode(this.#kernel.readKernelFile(vmlinuxPath), { name: vmlinuxPath });
    return this.#vmlinux;
  }

  /** Loaded modules that have types; none before Linux 5.11, or where listing is not permitted. */
  get modules(): readonly ModuleTypes[] {
    this.#modules ??= this.#readModules();
    return this.#modules;
  }

  /** By name, in vmlinux first, then in modules; in one module only where it is named. */
  find(name: string, kind: Kind, moduleName?: string): FoundType | undefined {
    if (moduleName === undefined || moduleName === "vmlinux") {
      const id = this.vmlinux.find(name, kind);
      if (id !== undefined) return { id, module: undefined };
      if (moduleName === "vmlinux") return undefined;
    }
    for (const module of this.modules) {
      if (moduleName !== undefined && module.name !== moduleName) continue;
      const id = module.table.find(name, kind);
      // Types of the base are found through the module, too.
      if (id !== undefined && id >= module.table.firstId) return { id, module };
    }
    return undefined;
  }

  close(): void {
    for (const { fd } of this.#modules ?? []) this.#kernel.close(fd);
    this.#modules = [];
  }

  #readModules(): ModuleTypes[] {
    const { objects } = this.#kernel;
    const modules: ModuleTypes[] = [];
    try {
      for (let id = objects.nextId("btf", 0); id !== undefined; id = objects.nextId("btf", id)) {
        const module = this.#readModule(id);
        if (module !== undefined) modules.push(module);
      }
    } catch (error) {
      // A kernel that does not list its objects has none to offer.
      if (error instanceof SyscallError || error instanceof NotSupportedError) return modules;
      throw error;
    }
    return modules;
  }

  #readModule(id: number): ModuleTypes | undefined {
    const { objects } = this.#kernel;
    let fd: Fd;
    try {
      fd = objects.openById("btf", id);
    } catch (error) {
      // It may have been unloaded meanwhile.
      if (error instanceof SyscallError) return undefined;
      throw error;
    }
    try {
      const { name, ofKernel } = objects.btfInfo(fd);
      if (ofKernel && name !== "vmlinux") {
        const table = BtfTable.decode(objects.btfData(fd), { name: `module ${name}`, base: this.vmlinux });
        return { name, table, fd };
      }
    } catch (error) {
      if (!(error instanceof BpfkitError)) throw error;
      // Types that do not fit this vmlinux are as good as none.
    }
    this.#kernel.close(fd);
    return undefined;
  }
}
