/** What `bpfkit run TARGET` names: a bundled tool, C or an object. */
import { existsSync } from "node:fs";
import { UsageError } from "@bpfkit/base/diagnostics";
import { loadTool, toolNames } from "@bpfkit/tools/load";
import type { Tool } from "bpfkit/tracing";
import { readBytes, readSource } from "../input.ts";
import { nearest } from "./nearest.ts";

/** One of a tool, C text or an object's bytes. */
export interface Target {
  readonly name: string;
  readonly tool?: Tool;
  readonly source?: { readonly file: string; readonly text: string };
  readonly object?: Uint8Array;
}

/** Finds it. @throws UsageError for a name that is nothing, BpfkitError CL002 for a file that cannot be read */
export async function resolveTarget(name: string): Promise<Target> {
  if (name.endsWith(".c")) return { name, source: readSource(name) };
  if (name.endsWith(".o")) return { name, object: readBytes(name) };
  const tool = await loadTool(name);
  if (tool !== undefined) return { name: tool.name, tool };
  if (existsSync(name)) {
    throw new UsageError(`cannot run ${name}: it is neither a .c nor a .o file`, {
      hint: "bpfkit runs C programs (.c), objects (.o) and bundled tools.",
    });
  }
  const near = nearest(name.replace(/^tools\//, ""), toolNames);
  const list = `Bundled tools: ${toolNames.join(", ")}. Programs are named with their .c or .o.`;
  const hint = near === undefined ? list : `Did you mean '${near}'? ${list}`;
  throw new UsageError(`there is no tool '${name}'`, { hint });
}
