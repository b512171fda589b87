/** C++ and Rust names in source form, by the demanglers of the Firefox profiler (gecko-profiler-demangle, WebAssembly). */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import * as bindings from "gecko-profiler-demangle/index_bg.js";

/** `_Z` Itanium C++ and older Rust, `__Z` the same on other systems, `_R` Rust's v0 scheme. */
const mangled = /^_{1,3}Z\w{2}|^_R[0-9A-Z]\w/;

/** Makes a function that demangles. The library is loaded when the first mangled name comes. */
export function demangler(): (name: string) => string {
  let loaded = false;
  const known = new Map<string, string>();
  return (name) => {
    if (!mangled.test(name)) return name;
    let spelled = known.get(name);
    if (spelled === undefined) {
      if (!loaded) instantiate();
      loaded = true;
      spelled = demangle(name);
      known.set(name, spelled);
    }
    return spelled;
  };
}

function demangle(name: string): string {
  try {
    return bindings.demangle_any(name);
  } catch {
    // A name that the library cannot take stops its module: a fresh one serves the next name.
    instantiate();
    return name;
  }
}

let compiled: WebAssembly.Module | undefined;

function instantiate(): void {
  const path = createRequire(import.meta.url).resolve("gecko-profiler-demangle/index_bg.wasm");
  compiled ??= new WebAssembly.Module(readFileSync(path));
  const { __wbindgen_init_externref_table } = bindings;
  const instance = new WebAssembly.Instance(compiled, {
    "./index_bg.js": { __wbindgen_init_externref_table },
  });
  bindings.__wbg_set_wasm(instance.exports);
  const start = instance.exports["__wbindgen_start"];
  if (typeof start === "function") start();
}
