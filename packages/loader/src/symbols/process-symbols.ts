/** The symbols of one process. */
import { SyscallError } from "@bpfkit/base/diagnostics";
import type { Kernel, ReadableFile } from "@bpfkit/base/kernel";
import type { ImageCache, SymbolImage } from "./image-cache.ts";
import { PerfMap } from "./perf-map.ts";
import { mappingAt, type ProcessMapping, parseProcessMaps } from "./process-maps.ts";
import type { UserSymbol } from "./user-symbols.ts";

/** How long mappings and maps of compiled code count as current. */
const freshMs = 200;

const decoder = new TextDecoder();

/** A map file as it was read last. */
interface KnownPerfMap {
  readonly identity: string;
  readonly path: string;
  readonly map: PerfMap;
}

/** What is mapped where in a process, and its symbols. */
export class ProcessSymbols {
  readonly #kernel: Kernel;
  readonly #images: ImageCache;
  readonly #pid: number;
  #mappings: readonly ProcessMapping[] = [];
  #mappingsReadNs = Number.NEGATIVE_INFINITY;
  #identityReadNs = Number.NEGATIVE_INFINITY;
  /** Which program the process runs; another after exec, or where the number went to another process. */
  #identity = "";
  readonly #opened = new Map<string, SymbolImage>();
  #perfMap: KnownPerfMap | undefined;
  #perfMapCheckedNs = Number.NEGATIVE_INFINITY;

  constructor(kernel: Kernel, images: ImageCache, pid: number) {
    this.#kernel = kernel;
    this.#images = images;
    this.#pid = pid;
  }

  find(address: bigint): UserSymbol {
    const mapping = this.#mappingAt(address);
    if (mapping === undefined) return { name: undefined, offset: Number(address), module: undefined };
    const offset = Number(address - mapping.start) + mapping.offset;
    if (mapping.name.startsWith("[vdso]")) {
      const symbol = this.#vdso(mapping)?.findAtOffset(offset);
      return { name: symbol?.name, offset: symbol?.offset ?? offset, module: mapping.name };
    }
    const image = isFile(mapping) ? this.#image(mapping) : undefined;
    const symbol = image?.findAtOffset(offset);
    if (symbol !== undefined) return { ...symbol, module: mapping.name };
    const compiled = isFile(mapping) && image !== undefined ? undefined : this.#compiled(address);
    return compiled ?? { name: undefined, offset, module: mapping.name === "" ? undefined : mapping.name };
  }

  #mappingAt(address: bigint): ProcessMapping | undefined {
    this.#refresh();
    const found = mappingAt(this.#mappings, address);
    if (found !== undefined || this.#isFresh(this.#mappingsReadNs)) return found;
    this.#readMappings();
    return mappingAt(this.#mappings, address);
  }

  #isFresh(checkedNs: number): boolean {
    return Number(this.#kernel.monotonicNs()) - checkedNs < freshMs * 1e6;
  }

  /** Reads the mappings when the process runs another program than the last time. */
  #refresh(): void {
    if (this.#isFresh(this.#identityReadNs)) return;
    this.#identityReadNs = Number(this.#kernel.monotonicNs());
    const identity = this.#readIdentity();
    // A process that has ended keeps what is known of it.
    if (identity !== "" && identity !== this.#identity) {
      this.#identity = identity;
      this.#readMappings();
      this.#opened.clear();
      this.#perfMap = undefined;
    }
  }

  /** starttime, startcode, endcode and startstack of proc_pid_stat(5): the first is of the process, the rest of its program. */
  #readIdentity(): string {
    const stat = this.#text(`/proc/${this.#pid}/stat`) ?? "";
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return [19, 23, 24, 25]
      .map((index) => fields[index] ?? "")
      .join(" ")
      .trim();
  }

  #readMappings(): void {
    const text = this.#text(`/proc/${this.#pid}/maps`);
    this.#mappingsReadNs = Number(this.#kernel.monotonicNs());
    if (text !== undefined && text !== "") this.#mappings = parseProcessMaps(text);
  }

  #image(mapping: ProcessMapping): SymbolImage | undefined {
    const key = `${mapping.inode} ${mapping.name}`;
    const known = this.#opened.get(key);
    if (known !== undefined && this.#images.stillHas(known)) return known;
    const root = `/proc/${this.#pid}/root`;
    const file = this.#openMapped(mapping, root);
    const image = file === undefined ? undefined : this.#images.imageOf(file, mapping.name, root);
    if (image !== undefined) this.#opened.set(key, image);
    return image;
  }

  /**
   * The file as the process sees it, in its own mount namespace. One that was deleted or replaced is reached through
   * /proc/PID/map_files, which needs CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE. Overlay file systems may give other inode
   * numbers in maps than stat(2) does, so a different one alone does not count as replaced.
   */
  #openMapped(mapping: ProcessMapping, root: string): ReadableFile | undefined {
    const byPath = mapping.deleted ? undefined : this.#kernel.openFile(root + mapping.name);
    if (byPath !== undefined && byPath.inode === mapping.inode) return byPath;
    const range = `${mapping.start.toString(16)}-${mapping.end.toString(16)}`;
    const mapped = this.#kernel.openFile(`/proc/${this.#pid}/map_files/${range}`);
    if (mapped === undefined) return byPath;
    byPath?.close();
    return mapped;
  }

  /** The vDSO is the same in every 64-bit process: this one's own can always be read. */
  #vdso(mapping: ProcessMapping): SymbolImage | undefined {
    const known = this.#opened.get(mapping.name);
    if (known !== undefined) return known;
    const own = parseProcessMaps(this.#text("/proc/self/maps") ?? "").find(({ name }) => name === "[vdso]");
    const memory = own === undefined ? undefined : this.#kernel.openFile("/proc/self/mem");
    if (own === undefined || memory === undefined) return undefined;
    const bytes = memory.read(Number(own.start), Number(own.end - own.start));
    memory.close();
    const image = this.#images.imageOf(bytesAsFile(bytes, "[vdso]"), mapping.name, "");
    if (image !== undefined) this.#opened.set(mapping.name, image);
    return image;
  }

  /** A symbol of just-in-time compiled code. */
  #compiled(address: bigint): UserSymbol | undefined {
    const known = this.#perfMap?.map.find(address);
    if (this.#perfMap !== undefined && known !== undefined) return { ...known, module: this.#perfMap.path };
    if (this.#isFresh(this.#perfMapCheckedNs)) return undefined;
    this.#perfMapCheckedNs = Number(this.#kernel.monotonicNs());
    this.#readPerfMap();
    const found = this.#perfMap?.map.find(address);
    return found === undefined ? undefined : { ...found, module: this.#perfMap?.path };
  }

  /** Compilers name the file by the process id that they see, in the /tmp that they see. */
  #readPerfMap(): void {
    const status = this.#text(`/proc/${this.#pid}/status`) ?? "";
    const inner = /^NSpid:(?:\s+\d+)*?\s+(\d+)$/m.exec(status)?.[1] ?? String(this.#pid);
    const name = `/tmp/perf-${inner}.map`;
    for (const path of [`/proc/${this.#pid}/root${name}`, name]) {
      const file = this.#kernel.openFile(path);
      if (file === undefined) continue;
      if (file.identity !== this.#perfMap?.identity) {
        const text = decoder.decode(file.read(0, file.sizeBytes));
        this.#perfMap = { identity: file.identity, path: name, map: new PerfMap(text) };
      }
      file.close();
      return;
    }
  }

  #text(path: string): string | undefined {
    try {
      return decoder.decode(this.#kernel.readKernelFile(path));
    } catch (error) {
      if (error instanceof Error && (error instanceof SyscallError || "code" in error)) return undefined;
      throw error;
    }
  }
}

function isFile({ name }: ProcessMapping): boolean {
  return name.startsWith("/") && !/^\/\/anon|^\/memfd:|^\/dev\/zero|^\/SYSV|^\/anon_hugepage/.test(name);
}

function bytesAsFile(bytes: Uint8Array, identity: string): ReadableFile {
  return {
    identity,
    inode: 0,
    sizeBytes: bytes.length,
    read: (offset, length) => bytes.slice(offset, offset + length),
    close() {},
  };
}
