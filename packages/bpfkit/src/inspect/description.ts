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
  /** `definition`, or the data section's kind: `rodata`, `data`, `bss`. */
  readonly origin: string;
  /** Only where the object says something of it. */
  readonly attributes: {
    /** By its name, when it is loaded. */
    readonly pinned?: true;
    readonly numaNode?: number;
    /** Hexadecimal; what it means depends on the type. */
    readonly mapExtra?: string;
    readonly inner?: string;
    /** Slots that are filled when it is loaded, with maps or programs. */
    readonly values?: readonly { readonly index: number; readonly symbol: string }[];
    /** Neither programs nor user space write it once it is loaded. */
    readonly frozen?: true;
    /** `btf_decl_tag` attributes. */
    readonly tags?: readonly string[];
  };
  /** Of data sections. */
  readonly variables: readonly VariableDescription[];
}

/** A global variable. */
export interface VariableDescription {
  readonly name: string;
  readonly type: string;
  /** Bytes from the start of its section. */
  readonly offset: number;
  readonly sizeBytes: number;
}

/** A name that the object uses and somebody else defines. */
export interface ExternDescription {
  readonly name: string;
  /** `.kconfig`, `.ksyms`, or empty. */
  readonly section: string;
  readonly type: string;
  readonly weak: boolean;
}

/** A table of functions for the kernel (struct_ops). */
export interface StructOpsDescription {
  readonly name: string;
  readonly section: string;
  readonly type: string;
  /** Members that point to programs of the object. */
  readonly functions: readonly { readonly member: string; readonly program: string }[];
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
  readonly externs: readonly ExternDescription[];
  readonly structOps: readonly StructOpsDescription[];
  readonly relocations: readonly RelocationDescription[];
  /** Absent where the object has no BTF. */
  readonly btf?: BtfDescription;
}
