/** CollectionSpec -> maps and programs in a kernel: create, link, relocate, load. */
import { MapType, mapTypeName } from "@bpfkit/base/abi";
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { Fd, Kernel } from "@bpfkit/base/kernel";
import type { BtfTable } from "@bpfkit/elf/btf";
import { encodeInstructions } from "@bpfkit/elf/isa";
import { CoreRelocator } from "../co-re/relocation.ts";
import type { CoreOutcome } from "../co-re/report.ts";
import { hasFeature, supports } from "../features/feature.ts";
import type { FeatureName } from "../features/table.ts";
import { type ResolvedExterns, resolveExterns } from "../relocate/externs.ts";
import { parseKernelConfiguration } from "../relocate/kernel-configuration.ts";
import { kernelRecords } from "../relocate/kernel-records.ts";
import { KernelSymbolResolver } from "../relocate/kernel-symbols.ts";
import { type LinkedProgram, linkProgram } from "../relocate/link-program.ts";
import { resolveMapReferences } from "../relocate/references.ts";
import type { CollectionSpec } from "../spec/collection-spec.ts";
import { kernelObjectName, type MapSpec } from "../spec/map-spec.ts";
import { requireType } from "../spec/program-section.ts";
import type { ProgramSpec } from "../spec/program-spec.ts";
import { attachTarget } from "./attach-target.ts";
import type { BpfMap } from "./bpf-map.ts";
import { type ExtendedProgram, extendedFunction, otherProgram } from "./extended-program.ts";
import { KernelTypes } from "./kernel-types.ts";
import { createMap } from "./map-creation.ts";
import { typesFor } from "./older-types.ts";
import { defaultPinRoot } from "./pinned-map.ts";
import { Program } from "./program.ts";
import { expectationsOf, olderHelpers } from "./program-fallbacks.ts";
import { programLoadError } from "./program-load-error.ts";
import { isExternMap, publishedMap, publishMap } from "./published-maps.ts";
import { planStructOps, type StructOpsPlan } from "./struct-ops.ts";

/** How to load. */
export interface CollectionLoadOptions {
  /** Types of the kernel; read from the kernel when a program needs them and none are given. */
  readonly targetBtf?: BtfTable;
  /** The kernel's configuration for .kconfig variables. */
  readonly config?: ReadonlyMap<string, string>;
  /** Verifier log: 0 none (asked for after a failure), 1 or 2. */
  readonly logLevel?: number;
  /** Gets the verifier's log of every program, accepted or refused; level 1 unless `logLevel` says otherwise. */
  readonly onVerifierLog?: (program: string, log: string) => void;
  /** Where maps with LIBBPF_PIN_BY_NAME are pinned; {@link defaultPinRoot} unless given. */
  readonly pinRoot?: string;
  /** Maps of other objects to use in place of creating those of the same names. They stay their owners'. */
  readonly maps?: ReadonlyMap<string, BpfMap>;
  /** Namespace of maps that the object shares (BPF_TABLE_SHARED); the empty one unless given. */
  readonly mapsNamespace?: string;
  /** The program whose functions `SEC("freplace/FUNCTION")` programs replace; Linux 5.6. */
  readonly extend?: ExtendedProgram;
  /** The program whose functions `SEC("fentry/FUNCTION")` and `SEC("fexit/FUNCTION")` programs trace; Linux 5.5. */
  readonly trace?: ExtendedProgram;
}

/** What loading gives. */
export interface LoadedParts {
  readonly maps: ReadonlyMap<string, BpfMap>;
  readonly programs: ReadonlyMap<string, Program>;
  /** Those of the maps that belong to others. */
  readonly borrowed: ReadonlySet<BpfMap>;
}

/** Creates, links, relocates and loads. Used once. */
export class CollectionLoader {
  readonly #spec: CollectionSpec;
  readonly #kernel: Kernel;
  readonly #options: CollectionLoadOptions;
  readonly #maps = new Map<string, BpfMap>();
  readonly #programs = new Map<string, Program>();
  readonly #borrowed = new Set<BpfMap>();
  /** Pins made here: removed again where loading fails. */
  readonly #pinned: string[] = [];
  readonly #externs: ResolvedExterns;
  readonly #types: KernelTypes;
  readonly #supports: (feature: FeatureName) => boolean;
  readonly #symbols: KernelSymbolResolver | undefined;
  #structOps: StructOpsPlan = { values: new Map(), targets: new Map() };
  #relocator: CoreRelocator | undefined;
  #btfFd: Fd | undefined;

  constructor(spec: CollectionSpec, kernel: Kernel, options: CollectionLoadOptions) {
    this.#spec = spec;
    this.#kernel = kernel;
    this.#options = options;
    this.#types = new KernelTypes(kernel, options.targetBtf);
    this.#supports = (feature) => supports(kernel, feature);
    const typeless = [...spec.externs.values()].filter(({ section }) => section === ".ksyms");
    this.#symbols =
      spec.btf === undefined || typeless.length === 0
        ? undefined
        : new KernelSymbolResolver(
            { kernel, types: this.#types, local: spec.btf },
            typeless.map(({ name }) => name),
          );
    this.#externs = this.#resolveExterns();
  }

  /** On failure nothing stays behind. @throws BpfkitError LD0xx, ProgramLoadError */
  load(): LoadedParts {
    try {
      this.#structOps = planStructOps(this.#spec, () => this.#types.vmlinux);
      // All programs are linked and CO-RE relocated before anything exists in the kernel.
      const prepared = [...this.#spec.programs.values()]
        .filter((program) => program.autoload)
        .map((program) => this.#prepare(program));
      this.#loadTypes();
      this.#createMaps();
      for (const { linked, outcomes } of prepared) this.#loadProgram(linked, outcomes);
      this.#fillInitialValues();
      this.#fillStructOps();
      this.#publish();
      return { maps: this.#maps, programs: this.#programs, borrowed: this.#borrowed };
    } catch (error) {
      for (const program of this.#programs.values()) program.close();
      for (const map of this.#maps.values()) if (!this.#borrowed.has(map)) map.close();
      for (const path of this.#pinned) this.#kernel.objects.unpin(path);
      throw error;
    } finally {
      if (this.#btfFd !== undefined) this.#kernel.close(this.#btfFd);
      this.#types.close();
    }
  }

  #resolveExterns(): ResolvedExterns {
    const { externs, btf } = this.#spec;
    const kconfig = [...externs.values()].filter(({ section }) => section === ".kconfig");
    const wants = (name: string): boolean => kconfig.some((extern) => extern.name === name);
    let { config } = this.#options;
    if (config === undefined && kconfig.some(({ name }) => name.startsWith("CONFIG_"))) {
      const text = this.#kernel.kernelConfiguration();
      if (text !== undefined) config = parseKernelConfiguration(text);
    }
    return resolveExterns(externs.values(), btf, {
      release: this.#kernel.release,
      ...(config === undefined ? {} : { config }),
      hasCookies: wants("LINUX_HAS_BPF_COOKIE") && hasFeature(this.#kernel, "attach-cookie"),
      hasSyscallWrappers: wants("LINUX_HAS_SYSCALL_WRAPPER") && hasFeature(this.#kernel, "syscall-wrapper"),
      symbol: (extern) => this.#symbols?.resolve(extern),
    });
  }

  /** Kernels before 4.18 take no types; the others get those that they know. */
  #loadTypes(): void {
    const { kernelBtf } = this.#spec;
    if (kernelBtf === undefined || !this.#supports("btf")) return;
    this.#btfFd = this.#kernel.btfLoad(typesFor(kernelBtf, this.#supports));
  }

  #prepare(program: ProgramSpec): { linked: LinkedProgram; outcomes: readonly CoreOutcome[] } {
    requireType(program);
    const linked = linkProgram(program);
    const relocated = linked.functions.some((part) => part.code.coreRelocations.length > 0);
    const { btf } = this.#spec;
    if (!relocated || btf === undefined) return { linked, outcomes: [] };
    this.#relocator ??= new CoreRelocator(btf, this.#types.vmlinux, () =>
      this.#types.modules.map(({ table }) => table),
    );
    return { linked, outcomes: this.#relocator.relocate(linked) };
  }

  /** The constant that stands for bpf_num_cpus() in programs written for BCC. */
  #setOnlineCpus(): void {
    const variable = this.#spec.variables.get("bpfkit_online_cpus");
    const contents = variable?.map.contents;
    if (variable === undefined || contents === undefined || variable.size !== 4) return;
    const view = new DataView(contents.buffer, contents.byteOffset, contents.byteLength);
    view.setInt32(variable.offset, this.#kernel.onlineCpus.length, true);
  }

  #createMaps(): void {
    this.#setOnlineCpus();
    const { maps: given, pinRoot = defaultPinRoot } = this.#options;
    const creation = {
      kernel: this.#kernel,
      btf: this.#spec.btf,
      btfFd: this.#btfFd,
      pinRoot,
      pinned: this.#pinned,
      supports: this.#supports,
      structOps: this.#structOps.values,
    };
    for (const spec of this.#spec.maps.values()) {
      if (spec.structOps?.autocreate === false) continue;
      const lent = given?.get(spec.name);
      if (lent !== undefined) this.#borrow(spec, lent);
      else if (isExternMap(spec)) this.#takePublished(spec);
      else this.#maps.set(spec.name, createMap(spec, creation));
    }
    const { map } = this.#externs;
    if (map !== undefined) this.#maps.set(map.name, createMap(map, creation));
  }

  /** @throws BpfkitError LD081 where the lent map is of another kind */
  #borrow(spec: MapSpec, map: BpfMap): void {
    const { type, keySize, valueSize } = map.spec;
    const differs = (mine: number, theirs: number): boolean => mine !== 0 && mine !== theirs;
    if (type !== spec.type || differs(spec.keySize, keySize) || differs(spec.valueSize, valueSize)) {
      throw new BpfkitError(
        "LD081",
        `map ${spec.name} is shared, but here it is ${shape(spec)} and there ${shape(map.spec)}`,
      );
    }
    this.#maps.set(spec.name, map);
    this.#borrowed.add(map);
  }

  /**
   * Takes the map that another object published: type and sizes are that one's, as in BCC.
   * @throws BpfkitError LD059 where none has
   */
  #takePublished(spec: MapSpec): void {
    const found = publishedMap(this.#kernel, spec.name, this.#options.mapsNamespace ?? "");
    if (found === undefined) {
      throw new BpfkitError("LD059", `map ${spec.name} is another object's, and none has published it`, {
        hint: "Load the object with BPF_TABLE_PUBLIC or BPF_TABLE_SHARED of that name first, in the same process and kernel.",
      });
    }
    this.#maps.set(spec.name, found.map);
    if (!found.owned) this.#borrowed.add(found.map);
  }

  /** What is published belongs to the kernel object from now on. */
  #publish(): void {
    for (const map of this.#maps.values()) {
      if (this.#borrowed.has(map)) continue;
      if (publishMap(this.#kernel, map, this.#options.mapsNamespace ?? "")) this.#borrowed.add(map);
    }
  }

  #loadProgram(linked: LinkedProgram, outcomes: readonly CoreOutcome[]): void {
    const { spec } = linked;
    resolveMapReferences(linked, {
      mapFd: (name) => this.#map(name, spec.name).fd,
      extern: (name) => this.#externs.values.get(name),
    });
    const instructions = encodeInstructions(olderHelpers(linked, this.#supports));
    const records = kernelRecords(linked);
    const hasRecords = this.#supports("btf-func") && records.funcInfo !== undefined;
    const typed = this.#btfFd !== undefined && hasRecords;
    const member = this.#structOps.targets.get(spec.name);
    const { logLevel, onVerifierLog } = this.#options;
    const other = otherProgram(spec, this.#options);
    const attach =
      other === undefined
        ? attachTarget(spec, () => this.#types, member?.typeId)
        : { id: extendedFunction(this.#kernel, spec, other), module: undefined };
    const fdArray = this.#symbols?.fdArray ?? [];
    const attributes = {
      type: spec.type,
      ...expectationsOf(spec, this.#kernel),
      ...(member === undefined ? {} : { expectedAttachType: member.member }),
      name: this.#supports("program-name") ? kernelObjectName(spec.name) : "",
      instructions,
      license: this.#spec.license,
      logLevel: logLevel ?? (onVerifierLog === undefined ? 0 : 1),
      onLog: (log: string) => onVerifierLog?.(spec.name, log),
      ...(typed && this.#btfFd !== undefined ? { btf: this.#btfFd } : {}),
      ...(typed && records.funcInfo !== undefined ? { funcInfo: records.funcInfo } : {}),
      ...(typed && records.lineInfo !== undefined ? { lineInfo: records.lineInfo } : {}),
      ...(attach === undefined ? {} : { attachBtfId: attach.id }),
      ...(other === undefined ? {} : { attachProgram: other.fd }),
      ...(attach?.module === undefined ? {} : { attachBtf: attach.module.fd }),
      ...(fdArray.length === 0 ? {} : { fdArray }),
    };
    try {
      const fd = this.#kernel.programLoad(attributes);
      this.#programs.set(spec.name, new Program(this.#kernel, fd, spec, instructions, outcomes));
    } catch (error) {
      // Not the verifier: the kernel does not let this process load programs at all.
      if (error instanceof BpfkitError && error.code === "LK003") throw error;
      const refused = programLoadError(linked, error, outcomes);
      if (refused.log !== "") onVerifierLog?.(spec.name, refused.log);
      throw refused;
    }
  }

  /** `.values` of maps of maps and program arrays. */
  #fillInitialValues(): void {
    for (const map of this.#maps.values()) {
      // A map of maps that was there before keeps its contents; a program array gets this object's programs, as in libbpf.
      if (map.reused && map.spec.type !== MapType.ProgArray) continue;
      for (const { index, symbol } of map.spec.initialValues) {
        const fd = this.#maps.get(symbol)?.fd ?? this.#programs.get(symbol)?.fd;
        if (fd === undefined) {
          throw new BpfkitError(
            "LD052",
            `map ${map.name} is to hold ${symbol}, which is no map or loaded program`,
          );
        }
        map.updateBytes(word(index), word(fd));
      }
    }
  }

  /** The kernel takes programs by their descriptors, in the place of their addresses. */
  #fillStructOps(): void {
    for (const [name, { bytes, functions }] of this.#structOps.values) {
      const view = new DataView(bytes.buffer);
      for (const { offset, program } of functions) {
        const fd = this.#programs.get(program)?.fd;
        if (fd === undefined) {
          throw new BpfkitError("LD018", `${name} is to hold program ${program}, which is not loaded`);
        }
        view.setBigUint64(offset, BigInt(fd), true);
      }
    }
  }

  #map(name: string, program: string): BpfMap {
    const map = this.#maps.get(name);
    if (map === undefined)
      throw new BpfkitError("LD052", `program ${program} uses map ${name}, which is not there`);
    return map;
  }
}

function shape({ type, keySize, valueSize }: MapSpec): string {
  return `${mapTypeName(type)} of ${keySize}-byte keys and ${valueSize}-byte values`;
}

function word(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}
