/** BTF and BTF.ext. */
export * from "./type.ts";
