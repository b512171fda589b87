/** Clang under WASI: C text to JSON AST and LLVM IR, and the part of the kernel's types that a program needs. */
export type { BpfCpu, OptimisationLevel } from "./arguments.ts";
export { type Clang, type ClangRequest, clangOn, type OptimiseOptions } from "./clang.ts";
export type { ClangCommand, ClangCommandResult, ClangExit, ClangRunner, TrapKind } from "./command.ts";
export { FreestandingFolder, freestandingHeaders } from "./freestanding-headers.ts";
export { type ClangOptions, createClang, InThreadRunner, programVersion } from "./in-thread.ts";
export type { AstNode } from "./json-ast.ts";
export { incompleteTypes, type KernelHeaderOptions, kernelHeader } from "./kernel-headers/kernel-header.ts";
export { limitMemory } from "./memory-limit.ts";
