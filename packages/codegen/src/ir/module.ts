/** A module: what one C file became. */
import type { IrFunction, Linkage, Visibility } from "./function.ts";
import type { Attachment } from "./instruction.ts";
import type { MetadataTable } from "./metadata.ts";
import type { PointerType, StructType, Type } from "./type.ts";
import type { Attributes, Constant } from "./value.ts";

/** A global variable. As a value, its address. */
export interface IrGlobal {
  readonly kind: "global";
  readonly type: PointerType;
  readonly name: string;
  readonly valueType: Type;
  readonly linkage: Linkage;
  readonly visibility: Visibility;
  readonly threadLocal: boolean;
  /** `constant` rather than `global`: never written. */
  readonly constant: boolean;
  readonly unnamedAddress: boolean;
  /** Absent for declarations (`extern`). */
  initializer: Constant | undefined;
  readonly section: string | undefined;
  /** Alignment in bytes; undefined means the type's own. */
  readonly align: number | undefined;
  readonly attributes: Attributes;
  /** Metadata ids of the DIGlobalVariableExpressions. */
  readonly debugVariables: readonly number[];
  /** Other attachments, `preserve.access.index` among them. */
  readonly attachments: readonly Attachment[];
}

/** Another name for a function or a variable. As a value, its address. */
export interface IrAlias {
  readonly kind: "alias";
  readonly type: PointerType;
  readonly name: string;
  readonly valueType: Type;
  readonly linkage: Linkage;
  readonly visibility: Visibility;
  aliasee: Constant;
}

/** A parsed LLVM IR file. */
export interface IrModule {
  readonly sourceFileName: string;
  readonly dataLayout: string;
  readonly targetTriple: string;
  readonly moduleAssembly: readonly string[];
  /** Named struct types by name. */
  readonly types: ReadonlyMap<string, StructType>;
  globals: IrGlobal[];
  functions: IrFunction[];
  aliases: IrAlias[];
  /** Globals, functions and aliases by name. */
  readonly symbols: Map<string, IrGlobal | IrFunction | IrAlias>;
  readonly attributeGroups: ReadonlyMap<number, Attributes>;
  /** `!llvm.dbg.cu = !{!0}` and the like: ids of the nodes by name. */
  readonly namedMetadata: ReadonlyMap<string, readonly number[]>;
  readonly metadata: MetadataTable;
}
