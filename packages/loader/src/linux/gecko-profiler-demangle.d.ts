/** The JavaScript half of gecko-profiler-demangle 0.4.0, which its own types leave out: it is instantiated by hand here. */
declare module "gecko-profiler-demangle/index_bg.js" {
  /** Demangles C++ (Itanium, Microsoft) and Rust names; gives others back. */
  export function demangle_any(name: string): string;
  export function __wbindgen_init_externref_table(): void;
  export function __wbg_set_wasm(exports: WebAssembly.Exports): void;
}
