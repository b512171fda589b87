/** What an object file holds, as plain data that can be printed or turned into JSON. */

/** A section. */
export interface SectionDescription {
  readonly name: string;
  /** `progbits`, `nobits`, or the number of another type. */
  readonly type: string;
  /** Letters as readelf has them: W write, A alloc, X exec, M merge, S strings. */
  readonly flags: string;
  readonly sizeBytes: number;
  readonly align: number;
  readonly relocations: number;
}

/** One instruction. */
export interface InstructionDescription {
  /** In 8-byte units from the start of the function. */
  readonly slot: number;
  /** The encoded bytes in hex, 8 or 16 of them. */
  readonly bytes: string;
  /** As the kernel verifier prints it. */
  readonly text: string;
  /** What the instruction's relocation names: a map, a variable, a function. */
  readonly reference?: string;
  /** The CO-RE relocation: `byte_off struct request.q.disk (0:3:1)`. */
  readonly core?: string;
  /** Given where a new line of C begins. */
  readonly source?: { readonly file: string; readonly line: number; readonly text: string };
}

/** A program or subprogram. */
export interface ProgramDescription {
  readonly name: string;
  readonly section: string;
  /** As bpftool names it: `kprobe`, `tracepoint`; `subprogram` where it is only called. */
  readonly type: string;
  readonly attachTo?: string;
  readonly slots: number;
  readonly instructions: readonly InstructionDescription[];
}

/** A map. */
export interface MapDescription {
  readonly name: string;
  readonly type: string;
  readonly keyType: string;
  readonly valueType: string;
  readonly keySizeBytes: number;
  readonly valueSizeBytes: number;
  readonly maxEntries: number;
  readonly flags: number;
}

/** A relocation of a section. */
export interface RelocationDescription {
  readonly section: string;
  readonly offset: number;
  readonly type: string;
  readonly symbol: string;
}

/** The object's BTF in numbers. */
export interface BtfDescription {
  readonly types: number;
  /** Number of types by kind. */
  readonly kinds: Readonly<Record<string, number>>;
  readonly functions: number;
  readonly lines: number;
  readonly coreRelocations: number;
}

/** A whole object. */
export interface ObjectDescription {
  readonly file: string;
  readonly sizeBytes: number;
  readonly license: string;
  readonly sections: readonly SectionDescription[];
  readonly programs: readonly ProgramDescription[];
  readonly maps: readonly MapDescription[];
  readonly relocations: readonly RelocationDescription[];
  /** Absent where the object has no BTF. */
  readonly btf?: BtfDescription;
}
