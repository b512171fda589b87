/** Guest tests of user space probes: a function of the C library, counted. */
import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import type { ToolProgram } from "bpfkit";
import koffi from "koffi";
import type { GuestCase } from "../guest-case.ts";

const counter: ToolProgram = {
  file: "uprobes.c",
  text: `BPF_ARRAY(entries, u64, 1);
BPF_HASH(results, u64);
int on_entry(struct pt_regs *ctx)
{
    entries.increment(0);
    return 0;
}
int on_return(struct pt_regs *ctx)
{
    u64 result = PT_REGS_RC(ctx);
    results.increment(result);
    return 0;
}
`,
};

/** File and offset of the code at an address of this process. */
function fileOffset(address: bigint): { readonly path: string; readonly offset: number } {
  const maps = readFileSync("/proc/self/maps", "utf8");
  for (const [, start, end, offset, path] of maps.matchAll(
    /^([0-9a-f]+)-([0-9a-f]+) r-xp ([0-9a-f]+) \S+ \d+ +(\/.*)$/gm,
  )) {
    const from = BigInt(`0x${start}`);
    if (address < from || address >= BigInt(`0x${end}`) || path === undefined) continue;
    return { path, offset: Number(address - from) + Number.parseInt(offset ?? "0", 16) };
  }
  throw new Error(`no file is mapped at ${address}`);
}

/** User space probes. */
export const uprobeCases: readonly GuestCase[] = [
  {
    name: "uprobe and uretprobe on the C library",
    programs: [counter],
    async run(guest) {
      const bpf = await guest.open(counter);
      const library = koffi.load("libc.so.6");
      const getppid = library.func("int getppid()");
      const place = fileOffset(koffi.address(library.symbol("getppid")));
      try {
        assert.throws(
          () => bpf.attachUprobe({ path: "/no/such/file", offset: 0, program: "on_entry" }),
          /no file \/no\/such\/file/,
        );
        const entry = bpf.attachUprobe({ ...place, program: "on_entry" });
        bpf.attachUretprobe({ ...place, pid: process.pid, program: "on_return" });
        for (let call = 0; call < 9; call++) assert.equal(getppid(), 1);
        entry.close();
        for (let call = 0; call < 4; call++) assert.equal(getppid(), 1);
        assert.equal(bpf.table("entries").get(0), 9n);
        assert.deepEqual(bpf.table("results").items(), [[1n, 13n]]);
      } finally {
        bpf.close();
      }
      getppid();
    },
  },
];
