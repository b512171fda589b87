/** Models and codecs of what a BPF object holds: instructions, BTF, ELF. */
export * from "./btf/index.ts";
export * from "./isa/index.ts";
export * from "./object/index.ts";
