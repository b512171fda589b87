/** What a test inside the guest is: programs that the host builds, and steps that run in the guest. */
import { readFileSync } from "node:fs";
import type { Kernel } from "@bpfkit/base/kernel";
import type { BPF, Tool, ToolProgram } from "bpfkit";
import type { Measurement } from "./bench/rows.ts";
import type { KernelChoice } from "./kernel-package.ts";

/** What the agent gives to a case. */
export interface Guest {
  readonly kernel: Kernel;
  /** Loads and attaches a program that the host has built. */
  open(program: ToolProgram): Promise<BPF>;
  /** Where the host put a program's object. */
  objectPath(program: ToolProgram): string;
  /** Runs a tool's own front end until `work` is done and its output has settled; gives the lines it printed. */
  trace(tool: Tool, argv: readonly string[], work: () => void | Promise<void>): Promise<string[]>;
}

/** A program for the guest itself, which the host compiles: C without a library. */
export interface GuestBinary {
  readonly name: string;
  readonly text: string;
}

/** Where the guest finds a {@link GuestBinary}. */
export function binaryPath(binary: GuestBinary): string {
  return `/objects/${binary.name}`;
}

/** One test. */
export interface GuestCase {
  readonly name: string;
  /**
   * Runs in the guest of this kernel only: what it shows is not so, or cannot be shown, with the other one, or is a
   * property of bpfkit alone that takes long to show.
   */
  readonly only?: KernelChoice;
  /** Built on the host: the WebAssembly compiler is slow in an emulated machine. */
  readonly programs?: readonly ToolProgram[];
  /** Compiled on the host with native clang; executable at {@link binaryPath}. */
  readonly binaries?: readonly GuestBinary[];
  /** A tool whose program is to be built, with its arguments. */
  readonly tool?: { readonly tool: Tool; readonly argv: readonly string[] };
  /** Arguments of `bpfkit run` whose programs the command in the guest finds in its build cache, /cache. */
  readonly cachedRuns?: readonly (readonly string[])[];
  run(guest: Guest): void | Promise<void>;
}

/** Parameter of the guest's kernel that says which cases to run; its value is URI encoded. */
export const onlyParameter = "bpfkit.cases=";

/** Parameter that says which kernel it is: a {@link KernelChoice}. */
export const kernelParameter = "bpfkit.kernel=";

/** In the guest: what the host said. @param parameter with the equals sign */
export function guestParameter(parameter: string): string | undefined {
  const words = readFileSync("/proc/cmdline", "utf8").trim().split(" ");
  const word = words.find((each) => each.startsWith(parameter));
  return word === undefined ? undefined : decodeURIComponent(word.slice(parameter.length));
}

/** The cases whose names match. */
export function matchingCases<Case extends { readonly name: string }>(
  cases: readonly Case[],
  only: string | undefined,
): readonly Case[] {
  if (only === undefined) return cases;
  const pattern = new RegExp(only, "i");
  return cases.filter(({ name }) => pattern.test(name));
}

/** The lines that the agent prints on the console begin with this; what follows is a {@link GuestReport}. */
export const reportMark = "@bpfkit ";

/** One line of the console. */
export type GuestReport =
  | { readonly kind: "start"; readonly name: string }
  | {
      readonly kind: "test";
      readonly name: string;
      readonly ms: number;
      readonly error?: string;
      /** What was compared, in tests that compare. */
      readonly count?: number;
    }
  /** What became of an object that was only loaded; `error` where the kernel or the loader refused it. */
  | { readonly kind: "load"; readonly name: string; readonly ms: number; readonly error?: string }
  /** One number of a benchmark. */
  | ({ readonly kind: "measurement" } & Measurement)
  | { readonly kind: "done"; readonly count: number };
