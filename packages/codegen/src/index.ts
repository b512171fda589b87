/** LLVM IR to BPF objects. */
export type { GenerateOptions, GenerateResult } from "./generate.ts";
export { generate } from "./generate.ts";
export { lowerCoreAccess } from "./prepare/index.ts";
