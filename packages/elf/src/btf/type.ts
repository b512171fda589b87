/**
 * The twenty kinds of BTF type as one union. Numbers that name types are ids in a table; 0 is void.
 * Facts: kernel Documentation/bpf/btf.rst and uapi linux/btf.h.
 */

/** The type with id 0. */
export interface BtfVoid {
  readonly kind: "void";
}

/** An integer. `bits` may be smaller than the size, `bitOffset` is 0 in all but very old files. */
export interface BtfInt {
  readonly kind: "int";
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly bits: number;
  readonly bitOffset: number;
  readonly signed: boolean;
  readonly char: boolean;
  readonly bool: boolean;
}

/** A pointer to `type`. */
export interface BtfPtr {
  readonly kind: "ptr";
  readonly type: number;
}

/** `count` elements, one after the other. */
export interface BtfArray {
  readonly kind: "array";
  readonly elementType: number;
  readonly indexType: number;
  readonly count: number;
}

/** One member of a struct or union. */
export interface BtfMember {
  /** Empty for anonymous members. */
  readonly name: string;
  readonly type: number;
  /** From the start of the struct, in bits. */
  readonly bitOffset: number;
  /** Width of a bit-field; 0 for ordinary members. */
  readonly bitSize: number;
}

/** A struct. */
export interface BtfStruct {
  readonly kind: "struct";
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly members: readonly BtfMember[];
}

/** A union. */
export interface BtfUnion {
  readonly kind: "union";
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly members: readonly BtfMember[];
}

/** An enum whose values fit 32 bits. */
export interface BtfEnum {
  readonly kind: "enum";
  readonly name: string;
  /** Bytes: 1, 2, 4 or 8. */
  readonly size: number;
  readonly signed: boolean;
  /** Values are signed or unsigned 32-bit numbers, by `signed`. */
  readonly values: readonly { readonly name: string; readonly value: number }[];
}

/** An enum with 64-bit values (kernel 6.0). */
export interface BtfEnum64 {
  readonly kind: "enum64";
  readonly name: string;
  readonly size: number;
  readonly signed: boolean;
  readonly values: readonly { readonly name: string; readonly value: bigint }[];
}

/** A struct or union that is named but not defined. */
export interface BtfFwd {
  readonly kind: "fwd";
  readonly name: string;
  readonly isUnion: boolean;
}

/** A typedef. */
export interface BtfTypedef {
  readonly kind: "typedef";
  readonly name: string;
  readonly type: number;
}

/** `volatile`. */
export interface BtfVolatile {
  readonly kind: "volatile";
  readonly type: number;
}

/** `const`. */
export interface BtfConst {
  readonly kind: "const";
  readonly type: number;
}

/** `restrict`. */
export interface BtfRestrict {
  readonly kind: "restrict";
  readonly type: number;
}

/** How a function or variable is visible. */
export type BtfLinkage = "static" | "global" | "extern";

/** A function; `type` is its func_proto. */
export interface BtfFunc {
  readonly kind: "func";
  readonly name: string;
  readonly type: number;
  readonly linkage: BtfLinkage;
}

/** One parameter. A last one with an empty name and type 0 means variadic. */
export interface BtfParam {
  readonly name: string;
  readonly type: number;
}

/** The type of a function. */
export interface BtfFuncProto {
  readonly kind: "func_proto";
  readonly returnType: number;
  readonly params: readonly BtfParam[];
}

/** A global variable. */
export interface BtfVar {
  readonly kind: "var";
  readonly name: string;
  readonly type: number;
  readonly linkage: BtfLinkage;
}

/** One variable in a data section. */
export interface BtfDatasecEntry {
  /** A var or func. */
  readonly type: number;
  /** Bytes from the start of the section. */
  readonly offset: number;
  readonly size: number;
}

/** The variables of one ELF section. */
export interface BtfDatasec {
  readonly kind: "datasec";
  readonly name: string;
  readonly size: number;
  readonly entries: readonly BtfDatasecEntry[];
}

/** A floating-point type. */
export interface BtfFloat {
  readonly kind: "float";
  readonly name: string;
  readonly size: number;
}

/** `__attribute__((btf_decl_tag(name)))` on `type`, or on its member or parameter `componentIndex` (-1: on itself). */
export interface BtfDeclTag {
  readonly kind: "decl_tag";
  readonly name: string;
  readonly type: number;
  readonly componentIndex: number;
  /** The name is a whole attribute, not a btf_decl_tag argument (kind_flag, kernel 6.14). */
  readonly attribute?: true;
}

/** `__attribute__((btf_type_tag(name)))` around `type`. */
export interface BtfTypeTag {
  readonly kind: "type_tag";
  readonly name: string;
  readonly type: number;
  /** The name is a whole attribute, not a btf_type_tag argument (kind_flag, kernel 6.14). */
  readonly attribute?: true;
}

/** Any BTF type. */
export type BtfType =
  | BtfVoid
  | BtfInt
  | BtfPtr
  | BtfArray
  | BtfStruct
  | BtfUnion
  | BtfEnum
  | BtfFwd
  | BtfTypedef
  | BtfVolatile
  | BtfConst
  | BtfRestrict
  | BtfFunc
  | BtfFuncProto
  | BtfVar
  | BtfDatasec
  | BtfFloat
  | BtfDeclTag
  | BtfTypeTag
  | BtfEnum64;

/** The discriminator of {@link BtfType}. */
export type BtfKind = BtfType["kind"];
