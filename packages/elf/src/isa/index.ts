/** BPF instructions: model, bytes, text. */
export * from "./alu.ts";
export { assemble } from "./assemble.ts";
export * from "./atomic.ts";
export * from "./decode.ts";
export * from "./def-use.ts";
export * from "./encode.ts";
export * from "./instruction.ts";
export * from "./jump.ts";
export * from "./level.ts";
export * from "./listing.ts";
export * from "./load-store.ts";
export * from "./opcode.ts";
export { printInstruction } from "./print.ts";
export * from "./register.ts";
