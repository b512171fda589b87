/** Runs the programs of one object on chosen inputs, in the VM or in this machine's kernel, and tells what they left behind. */

import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { Kernel } from "@bpfkit/base/kernel";
import { Collection, CollectionSpec, codecFor } from "@bpfkit/loader";
import { contextBytes } from "./random-program.ts";

/** What a program returned and what its maps and variables hold afterwards, as text; why it did not run. */
export type ProgramOutcome = { readonly text: string } | { readonly refusal: string };

/** Runs of each program, one after the other on what the last one left. */
const runs = 3;

/** The contexts that programs run on: edges of widths, and bytes without any pattern. */
export function contextOf(seed: number, run: number): Uint8Array {
  const bytes = new Uint8Array(contextBytes);
  let state = (seed * 2654435761 + run * 40503 + 1) >>> 0;
  for (let index = 0; index < bytes.length; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const kind = run === 0 ? 3 : (state >>> 9) & 3;
    bytes[index] = kind === 0 ? 0 : kind === 1 ? 0xff : kind === 2 ? 0x80 >>> (index & 7) : state >>> 24;
  }
  return bytes;
}

/**
 * Runs all programs of an object, all loaded at once.
 * @throws BpfkitError where the kernel refuses the object
 */
export function runPrograms(kernel: Kernel, object: Uint8Array, seed: number): Map<string, ProgramOutcome> {
  const spec = CollectionSpec.fromObject(object, "random");
  const outcomes = new Map<string, ProgramOutcome>();
  const collection = Collection.load(spec, kernel);
  try {
    for (const name of collection.programs.keys()) outcomes.set(name, runProgram(collection, name, seed));
  } finally {
    collection.close();
  }
  return outcomes;
}

/** Runs the programs of an object one by one: a real kernel may refuse some. */
export function runEachProgram(
  kernel: Kernel,
  object: Uint8Array,
  seed: number,
): Map<string, ProgramOutcome> {
  const outcomes = new Map<string, ProgramOutcome>();
  const names = [...CollectionSpec.fromObject(object, "random").programs.keys()];
  for (const name of names) {
    const spec = CollectionSpec.fromObject(object, "random");
    for (const program of spec.programs.values()) program.autoload = program.name === name;
    try {
      const collection = Collection.load(spec, kernel);
      try {
        outcomes.set(name, runProgram(collection, name, seed));
      } finally {
        collection.close();
      }
    } catch (error) {
      if (!(error instanceof BpfkitError)) throw error;
      outcomes.set(name, { refusal: error.message.split("\n")[0] ?? "" });
    }
  }
  return outcomes;
}

function runProgram(collection: Collection, name: string, seed: number): ProgramOutcome {
  reset(collection);
  const lines: string[] = [];
  for (let run = 0; run < runs; run++) {
    setContext(collection, contextOf(seed, run));
    const program = collection.programs.get(name);
    if (program === undefined) throw new Error(`no program ${name}`);
    lines.push(`returns ${program.testRun({ context: new Uint8Array(8) }).returnValue}`);
    lines.push(...memoryOf(collection));
  }
  return { text: lines.join("\n") };
}

const zeroKey = new Uint8Array(4);

function keyOf(index: number): Uint8Array {
  return Uint8Array.of(index, 0, 0, 0);
}

/** Data sections as the object has them, maps of their own empty. */
function reset(collection: Collection): void {
  for (const spec of collection.spec.maps.values()) {
    const map = collection.maps.get(spec.name);
    if (map === undefined) continue;
    if (spec.contents !== undefined) {
      if (!isConstant(spec.name)) map.updateBytes(zeroKey, spec.contents);
    } else if (spec.name === "pairs") for (let key = 0; key < 16; key++) map.deleteBytes(keyOf(key));
    else if (spec.name === "counts")
      for (let key = 0; key < 16; key++) map.updateBytes(keyOf(key), new Uint8Array(8));
  }
}

function isConstant(name: string): boolean {
  return name.includes(".rodata");
}

/** The context is both a variable and a map's value: programs use one of them. */
function setContext(collection: Collection, context: Uint8Array): void {
  collection.maps.get("contexts")?.updateBytes(zeroKey, context);
  const input = collection.spec.variables.get("input");
  if (input === undefined) return;
  const map = collection.maps.get(input.map.name);
  const value = map?.lookupBytes(zeroKey);
  if (map === undefined || value === undefined) throw new Error("the input has no map");
  value.set(context, input.offset);
  map.updateBytes(zeroKey, value);
}

/** Variables by name, map elements by key. What no type describes (padding, copies of constants) does not count. */
function memoryOf(collection: Collection): string[] {
  const lines: string[] = [];
  const text = (value: unknown): string =>
    JSON.stringify(value, (_, part: unknown) => (typeof part === "bigint" ? `${part}` : part));
  for (const spec of collection.spec.maps.values()) {
    const map = collection.maps.get(spec.name);
    if (map === undefined || isConstant(spec.name)) continue;
    if (spec.contents !== undefined) {
      const bytes = map.lookupBytes(zeroKey) ?? new Uint8Array();
      for (const variable of collection.spec.variables.values()) {
        if (variable.map !== spec || collection.spec.btf === undefined) continue;
        const codec = codecFor(collection.spec.btf, variable.typeId);
        const content = bytes.subarray(variable.offset, variable.offset + variable.size);
        lines.push(`${variable.name} = ${text(codec.decode(content))}`);
      }
    } else {
      for (let key = 0; key < 16; key++) {
        if (spec.name === "contexts" && key > 0) break;
        lines.push(`${spec.name}[${key}] = ${text(map.lookup(key))}`);
      }
    }
  }
  return lines.sort();
}
