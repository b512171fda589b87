/** ObjectFile -> the parts of a CollectionSpec, section by section. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { BtfTable, decodeExtInfo } from "@bpfkit/elf/btf";
import {
  type ObjectFile,
  type ObjectSection,
  type ObjectSymbol,
  readObject,
  SectionFlag,
  SectionType,
} from "@bpfkit/elf/object";
import { arenaOfSection, arenaSectionName } from "./arena-section.ts";
import { type OpenCodeSection, openCodeSection, resolveReferences } from "./code-section.ts";
import type { CollectionParts, ExternSpec } from "./collection-parts.ts";
import { dataOrigin, dataSectionMap, dataSectionVariables } from "./data-section.ts";

import { kernelBtf, type SectionPlaces } from "./kernel-btf.ts";
import { readLineRecords } from "./line-records.ts";
import { readMapDefinition } from "./map-definition.ts";
import type { MapSpec } from "./map-spec.ts";
import { programFromFunction } from "./program-section.ts";
import type { ProgramSpec } from "./program-spec.ts";
import { isStructOpsSection, readStructOps } from "./struct-ops.ts";
import type { VariableSpec } from "./variable-spec.ts";

/** How to read. */
export interface ObjectOptions {
  /** Sections that cannot be loaded are passed over: the object is only looked at. */
  readonly toLookAt?: boolean;
}

/**
 * Reads an object's bytes.
 * @throws BpfkitError EL0xx and LD0xx.
 */
export function collectionFromObject(
  bytes: Uint8Array,
  name: string,
  options: ObjectOptions = {},
): CollectionParts {
  return new ObjectReader(readObject(bytes, name), name).read(options);
}

class ObjectReader {
  readonly #object: ObjectFile;
  readonly #name: string;
  readonly #btfBytes: Uint8Array | undefined;
  readonly #btf: BtfTable | undefined;
  readonly #maps = new Map<string, MapSpec>();
  readonly #mapAt = new Map<number, string>();
  readonly #dataMaps = new Map<number, string>();
  readonly #variables = new Map<string, VariableSpec>();
  readonly #code = new Map<number, OpenCodeSection>();

  constructor(object: ObjectFile, name: string) {
    this.#object = object;
    this.#name = name;
    this.#btfBytes = this.#find(".BTF")?.data;
    this.#btf = this.#btfBytes === undefined ? undefined : BtfTable.decode(this.#btfBytes, { name });
  }

  read(options: ObjectOptions): CollectionParts {
    if (options.toLookAt !== true) this.#refuseForeignSections();
    this.#readDataSections();
    this.#readMaps();
    this.#readArena();
    if (options.toLookAt !== true) this.#readStructOps();
    this.#readCode();
    const externs = this.#externs();
    return {
      name: this.#name,
      maps: this.#maps,
      programs: this.#programs(),
      variables: this.#variables,
      externs,
      license: this.#license(),
      btf: this.#btf,
      kernelBtf: this.#kernelBtf(),
    };
  }

  #find(name: string): ObjectSection | undefined {
    return this.#object.sections.find((section) => section.name === name);
  }

  #refuseForeignSections(): void {
    if (this.#find("maps") !== undefined) {
      throw new BpfkitError(
        "LD015",
        "section maps holds map definitions in the old struct bpf_map_def form",
        {
          hint: "Define maps in section .maps with __uint() and __type(), as libbpf 1.0 and later want it.",
        },
      );
    }
  }

  #readDataSections(): void {
    this.#object.sections.forEach((section, index) => {
      const origin = dataOrigin(section.name);
      if (origin === undefined || section.size === 0) return;
      if (this.#maps.has(section.name)) {
        throw new BpfkitError("LD011", `section ${section.name} is there more than once`);
      }
      const symbols = this.#object.symbols.filter((symbol) => symbol.section === index);
      const map = dataSectionMap(section, origin, this.#name, symbols);
      this.#maps.set(map.name, map);
      this.#dataMaps.set(index, map.name);
      const datasec = this.#readVariables(section, map, symbols);
      if (datasec !== undefined) map.valueTypeId = datasec;
    });
  }

  /** The variables that the section's datasec describes; its type id, where there is one. */
  #readVariables(section: ObjectSection, map: MapSpec, symbols: readonly ObjectSymbol[]): number | undefined {
    const datasec = this.#btf?.find(section.name, "datasec");
    if (this.#btf === undefined || datasec === undefined) return undefined;
    const place = { map, sectionBytes: section.size };
    for (const variable of dataSectionVariables(this.#btf, datasec, place, symbols)) {
      this.#variables.set(variable.name, variable);
    }
    return datasec;
  }

  #readArena(): void {
    this.#object.sections.forEach((section, index) => {
      if (section.name !== arenaSectionName || section.size === 0) return;
      const arena = arenaOfSection(section, this.#maps.values());
      this.#dataMaps.set(index, arena.name);
      const symbols = this.#object.symbols.filter((symbol) => symbol.section === index);
      this.#readVariables(section, arena, symbols);
    });
  }

  #readMaps(): void {
    const index = this.#object.sections.findIndex((section) => section.name === ".maps");
    const section = this.#object.sections[index];
    if (section === undefined) return;
    const datasecId = this.#btf?.find(".maps", "datasec");
    if (this.#btf === undefined || datasecId === undefined) {
      throw new BpfkitError("LD017", "section .maps has no BTF that describes its maps", {
        hint: "Compile with -g.",
      });
    }
    const datasec = this.#btf.type(datasecId);
    if (datasec.kind !== "datasec") return;
    const symbols = new Map(
      this.#object.symbols
        .filter((symbol) => symbol.section === index)
        .map((symbol) => [symbol.name, symbol]),
    );
    const tags = this.#variableTags(this.#btf);
    for (const entry of datasec.entries) {
      const variable = this.#btf.type(entry.type);
      if (variable.kind !== "var") continue;
      const { name } = variable;
      const offset = symbols.get(name)?.value ?? entry.offset;
      if (this.#maps.has(name)) throw new BpfkitError("LD010", `map ${name} is defined more than once`);
      const definition = readMapDefinition(this.#btf, variable.type, name, tags.get(entry.type) ?? []);
      this.#maps.set(name, definition.spec);
      this.#mapAt.set(offset, name);
      if (definition.valuesOffset >= 0) {
        const end = offset + Math.max(entry.size, symbols.get(name)?.size ?? 0);
        this.#readInitialValues(section, definition.spec, offset + definition.valuesOffset, end);
      }
    }
  }

  #readStructOps(): void {
    this.#object.sections.forEach(({ name: section }, index) => {
      if (!isStructOpsSection(section)) return;
      for (const map of readStructOps(this.#object, index, this.#btf)) {
        if (this.#maps.has(map.name)) {
          throw new BpfkitError("LD010", `map ${map.name} is defined more than once`);
        }
        this.#maps.set(map.name, map);
      }
    });
  }

  #readInitialValues(section: ObjectSection, spec: MapSpec, start: number, end: number): void {
    for (const relocation of section.relocations) {
      if (relocation.offset < start || relocation.offset >= end) continue;
      const symbol = this.#object.symbols[relocation.symbol];
      if (symbol === undefined || symbol.name === "" || symbol.section === "undefined") {
        throw new BpfkitError(
          "LD010",
          `map ${spec.name}: an element of values has no definition in this object`,
        );
      }
      spec.initialValues.push({ index: (relocation.offset - start) / 8, symbol: symbol.name });
    }
  }

  /** Type id of a variable -> its declaration tags. */
  #variableTags(btf: BtfTable): Map<number, string[]> {
    const tags = new Map<number, string[]>();
    for (const id of btf.typesOfKind("decl_tag")) {
      const tag = btf.type(id);
      if (tag.kind !== "decl_tag" || tag.componentIndex !== -1) continue;
      const list = tags.get(tag.type);
      if (list === undefined) tags.set(tag.type, [tag.name]);
      else list.push(tag.name);
    }
    return tags;
  }

  #readCode(): void {
    const extBytes = this.#find(".BTF.ext")?.data;
    const btf = this.#btf;
    const ext = extBytes === undefined || btf === undefined ? undefined : decodeExtInfo(extBytes, btf);
    const lines =
      extBytes === undefined || btf === undefined
        ? undefined
        : readLineRecords(extBytes, (offset) => btf.string(offset));
    this.#object.sections.forEach((section, index) => {
      const executable = (section.flags & SectionFlag.Execinstr) !== 0;
      if (!executable || section.type !== SectionType.Progbits || section.data.length === 0) return;
      this.#code.set(index, openCodeSection(this.#object, index, ext, lines));
    });
    const mapsSection = this.#object.sections.findIndex((section) => section.name === ".maps");
    const targets = {
      object: this.#object,
      code: this.#code,
      mapsSection,
      mapAt: this.#mapAt,
      dataMaps: this.#dataMaps,
    };
    for (const index of this.#code.keys()) resolveReferences(index, targets);
  }

  #programs(): Map<string, ProgramSpec> {
    const programs = new Map<string, ProgramSpec>();
    for (const code of this.#code.values()) {
      if (code.name === ".text") continue;
      for (const entry of code.functions) {
        if (!entry.global) continue;
        if (programs.has(entry.name)) {
          throw new BpfkitError("LD021", `program ${entry.name} is defined more than once`);
        }
        programs.set(entry.name, programFromFunction(code, entry));
      }
    }
    return programs;
  }

  #license(): string {
    const section = this.#find("license");
    if (section === undefined) return "";
    const end = section.data.indexOf(0);
    const bytes = end === -1 ? section.data : section.data.subarray(0, end);
    return new TextDecoder().decode(bytes.subarray(0, 127));
  }

  /** Undefined symbols, with what the .kconfig and .ksyms datasecs say of them. */
  #externs(): Map<string, ExternSpec> {
    const described = new Map<string, Pick<ExternSpec, "section" | "typeId" | "size">>();
    for (const section of [".kconfig", ".ksyms"] as const) {
      const id = this.#btf?.find(section, "datasec");
      const datasec = id === undefined ? undefined : this.#btf?.type(id);
      if (datasec?.kind !== "datasec") continue;
      for (const entry of datasec.entries) {
        const type = this.#btf?.type(entry.type);
        if (type?.kind !== "var" && type?.kind !== "func") continue;
        described.set(type.name, { section, typeId: type.type, size: entry.size });
      }
    }
    const externs = new Map<string, ExternSpec>();
    for (const symbol of this.#object.symbols) {
      if (symbol.section !== "undefined" || symbol.name === "") continue;
      const known = described.get(symbol.name) ?? { section: "" as const, typeId: 0, size: 0 };
      externs.set(symbol.name, { ...known, name: symbol.name, weak: symbol.binding === "weak" });
    }
    return externs;
  }

  #kernelBtf(): Uint8Array | undefined {
    if (this.#btfBytes === undefined) return undefined;
    const sections = new Map<string, SectionPlaces>();
    const hidden = new Set<string>();
    this.#object.sections.forEach((section, index) => {
      const offsets = new Map<string, number>();
      for (const symbol of this.#object.symbols) {
        if (symbol.section === index && symbol.name !== "") offsets.set(symbol.name, symbol.value);
      }
      sections.set(section.name, { size: section.size, offsets });
    });
    for (const symbol of this.#object.symbols) {
      const isHidden = symbol.visibility === "hidden" || symbol.visibility === "internal";
      if (symbol.type === "func" && isHidden) hidden.add(symbol.name);
    }
    return kernelBtf(this.#btfBytes, sections, hidden);
  }
}
