/** Relocatable ELF objects. */
export * from "./model.ts";
export { readObject } from "./read.ts";
export { relocationTypeName } from "./relocation.ts";
export { writeObject } from "./write.ts";
