/** Relocatable ELF objects. */
export * from "./model.ts";
