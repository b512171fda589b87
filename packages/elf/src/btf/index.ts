/** BTF and BTF.ext: types, tables, builder, C printer. */
export * from "./builder.ts";
export * from "./core-relocation.ts";
export { decodeExtInfo, type ExtInfo, encodeExtInfo } from "./ext-info.ts";
export type { FuncInfo } from "./func-info.ts";
export { references } from "./kind-codec.ts";
export type { LineInfo } from "./line-info.ts";
export { type PrintCOptions, printC, printDeclaration } from "./print-c.ts";
export { elementOf, type FoundMember, type FoundPath, findMember, findPath } from "./resolve.ts";
export { type SliceOptions, sliceTypes, type TypeSlice } from "./slice.ts";
export * from "./type.ts";
export { BtfTable, type BtfTableOptions } from "./type-table.ts";
