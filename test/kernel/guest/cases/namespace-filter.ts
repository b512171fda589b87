/** Cases of `--mntnsmap`: a tool shows only what happens in the mount namespaces that a pinned map names. */
import { strict as assert } from "node:assert";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readlinkSync } from "node:fs";
import type { Tool, ToolProgram } from "bpfkit";
import type { GuestCase } from "../guest-case.ts";

const pinFolder = "/tmp/pins";
const pinnedMap = `${pinFolder}/namespaces`;
const argv = ["--mntnsmap", pinnedMap];

/** Makes and pins the map in which tools look mount namespaces up. */
const pinning: ToolProgram = {
  file: "pinning.c",
  text: `BPF_TABLE_PINNED("hash", u64, u32, mount_namespaces, 1024, "${pinnedMap}");
int kprobe__sys_getegid(void *ctx)
{
    u64 none = 0;
    return mount_namespaces.lookup(&none) != 0;
}
`,
};

/** What a tool is shown: `work` makes `count` lines, for which `line` holds. */
export interface FilteredWork {
  readonly count: number;
  line(line: string): boolean;
  work(): void | Promise<void>;
  close?(): void;
}

/** The case: no lines while the map is empty, all of them once this process's mount namespace is in it. */
export function namespaceFilterCase(
  tool: Tool,
  prepare: () => FilteredWork | Promise<FilteredWork>,
): GuestCase {
  return {
    name: `${tool.name} --mntnsmap: only the mount namespaces in a pinned map`,
    programs: [pinning],
    tool: { tool, argv },
    async run(guest) {
      mkdirSync(pinFolder, { recursive: true });
      execFileSync("/bin/mount", ["-t", "bpf", "bpf", pinFolder]);
      await assert.rejects(
        guest.trace(tool, argv, () => {}),
        /TL002|there is no BPF map at/,
      );
      assert.equal(existsSync(pinnedMap), false, "the tool has made a map itself");
      const { count, line, work, close } = await prepare();
      const bpf = await guest.open(pinning);
      const shown = async () => (await guest.trace(tool, argv, work)).filter(line).length;
      try {
        assert.equal(await shown(), 0);
        const [, inode = "0"] = /\[(\d+)\]/.exec(readlinkSync("/proc/self/ns/mnt")) ?? [];
        bpf.table("mount_namespaces").set(BigInt(inode), 1);
        assert.equal(await shown(), count);
      } finally {
        bpf.close();
        close?.();
        execFileSync("/bin/umount", [pinFolder]);
      }
    },
  };
}
