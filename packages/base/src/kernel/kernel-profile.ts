/** Facts recorded from one kernel build, enough to compile for it and to simulate it. */

/** A recorded kernel. */
export interface KernelProfile {
  /** For example `debian-6.1-cloud-amd64`. */
  readonly name: string;
  /** As `uname -r`. */
  readonly release: string;
  readonly architecture: "x86_64" | "arm64";
  /** Package name, version and SHA-256 of the kernel image the facts were read from. */
  readonly origin: { readonly package: string; readonly version: string; readonly sha256: string };
  /** Raw `.BTF` of vmlinux. Not to be modified. */
  readonly btf: Uint8Array;
  /** `CATEGORY/NAME` -> text of the tracepoint's `format` file. */
  readonly tracepointFormats: ReadonlyMap<string, string>;
  /** Text symbols that can be kprobed, in address order, without addresses. */
  readonly probeableFunctions: readonly string[];
}
