/** The parts of `npm run bench:peers`, the same on the host and in the guest: `-- --only REGEXP` runs some of them. */

/** Something that is measured. */
export interface BenchPart {
  readonly name: string;
  /** Arguments of `bpfkit run` whose builds the guest needs, and the folder that they run in. */
  readonly cachedRuns?: readonly { readonly words: readonly string[]; readonly folder: string }[];
  /** Whether the compiler runs in the guest. */
  readonly compiles?: boolean;
}

/** In their order. */
export const benchParts = {
  startCounter: {
    name: "start of a counter",
    cachedRuns: [{ words: ["counter.c"], folder: "peers-input" }],
    compiles: true,
  },
  ring: { name: "ring buffer" },
  perf: { name: "perf buffer" },
  bpftrace: { name: "bpftrace's perf buffer" },
  printing: { name: "opensnoop's lines", cachedRuns: [{ words: ["opensnoop"], folder: "." }] },
  startExecsnoop: { name: "start of execsnoop", cachedRuns: [{ words: ["execsnoop"], folder: "." }] },
} as const satisfies Readonly<Record<string, BenchPart>>;
