/** Types of what is loaded: the kernel's BTF objects decoded, each with the base that it continues. */
import type { BtfInfo, Kernel } from "@bpfkit/base/kernel";
import { BtfTable } from "@bpfkit/elf/btf";
import { openObject, withObject } from "./walk.ts";

/** BTF by id, each read once. */
export class LoadedTypes {
  readonly #kernel: Kernel;
  readonly #tables = new Map<number, BtfTable | undefined>();
  #vmlinux: BtfTable | undefined;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** Undefined for id 0 and for objects that are gone or damaged. */
  table(id: number): BtfTable | undefined {
    if (id === 0) return undefined;
    if (!this.#tables.has(id)) this.#tables.set(id, this.#read(id));
    return this.#tables.get(id);
  }

  /** The kernel's own types. @throws BpfkitError LK004 where it has none */
  vmlinux(): BtfTable {
    this.#vmlinux ??= BtfTable.decode(this.#kernel.readKernelFile("/sys/kernel/btf/vmlinux"), {
      name: "vmlinux",
    });
    return this.#vmlinux;
  }

  #read(id: number): BtfTable | undefined {
    const fd = openObject(this.#kernel, "btf", id);
    if (fd === undefined) return undefined;
    return withObject(this.#kernel, fd, () => {
      const info = this.#kernel.objects.btfInfo(fd);
      return this.#decode(info, this.#kernel.objects.btfData(fd));
    });
  }

  #decode(info: BtfInfo, data: Uint8Array): BtfTable {
    const name = info.name === "" ? `BTF object ${info.id}` : info.name;
    // Modules continue the ids of vmlinux.
    const isModule = info.ofKernel && info.name !== "vmlinux";
    return BtfTable.decode(data, isModule ? { name, base: this.vmlinux() } : { name });
  }
}
