/** BPF instructions: model, bytes, text. */
export * from "./decode.ts";
export * from "./encode.ts";
export * from "./instruction.ts";
export * from "./opcode.ts";
export * from "./register.ts";
