/** Guest tests of a user who is not root: what CAP_BPF and CAP_PERFMON are enough for, and what is said of the rest. */
import { strict as assert } from "node:assert";
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { BPF, type ToolProgram } from "bpfkit";
import type { Guest, GuestCase } from "../guest-case.ts";
import { loadedObjects, loadedSince, untilUnloaded } from "./loaded-objects.ts";
import { callGetegid, execTrue } from "./probes.ts";
import { until } from "./until.ts";

const command = "/bpfkit/node_modules/@bpfkit/cli/bin/bpfkit.cjs";
const tracefs = "/sys/kernel/tracing";
const nobody = 65534;

/** The words that run the command as nobody with two capabilities. */
const asTracer = [
  ...["--reuid", String(nobody), "--regid", String(nobody), "--clear-groups"],
  ...["--inh-caps", "-all,+bpf,+perfmon", "--ambient-caps", "-all,+bpf,+perfmon"],
  process.execPath,
  command,
];

const head = `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";
`;

/** Attached in this order, so that all count once the last has said something. */
const untraced: ToolProgram = {
  file: "no-tracefs.bpf.c",
  text: `${head}
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 16);
    __type(key, u32);
    __type(value, u64);
} counts SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 4096);
} ready SEC(".maps");

static __always_inline int count(u32 key)
{
    u64 one = 1, *value = bpf_map_lookup_elem(&counts, &key);
    if (value)
        __sync_fetch_and_add(value, 1);
    else
        bpf_map_update_elem(&counts, &key, &one, BPF_ANY);
    return 0;
}

SEC("ksyscall/getegid") int on_entry(void *ctx) { return count(1); }
SEC("kretsyscall/getegid") int on_return(void *ctx) { return count(2); }
SEC("raw_tp/sched_process_exec") int on_exec(void *ctx) { return count(4); }
SEC("tp_btf/sched_process_exec") int on_typed_exec(void *ctx) { return count(5); }
SEC("fexit/do_faccessat") int on_access(void *ctx)
{
    u64 word = 7;

    bpf_ringbuf_output(&ready, &word, sizeof(word), 0);
    return 0;
}
`,
};

const library: ToolProgram = {
  file: "library.bpf.c",
  text: `${head}
SEC("uprobe/libc.so.6:getegid") int on_library(void *ctx) { return 0; }
`,
};

const tracepoint: ToolProgram = {
  file: "tracefs.bpf.c",
  text: `${head}
int execs = 0;

SEC("tracepoint/sched/sched_process_exec")
int on_exec(void *ctx)
{
    __sync_fetch_and_add(&execs, 1);
    return 0;
}

SEC("tracepoint/syscalls/sys_enter_access")
int on_access(void *ctx)
{
    bpf_printk("ready");
    return 0;
}
`,
};

const packets: ToolProgram = {
  file: "packets.bpf.c",
  text: `${head}
SEC("xdp") int on_packet(struct xdp_md *ctx) { return XDP_PASS; }
`,
};

const address: ToolProgram = {
  file: "address.bpf.c",
  text: `${head}
extern const void bpf_prog_put __ksym;
u64 place = 0;

SEC("raw_tp/sched_process_exec")
int on_exec(void *ctx)
{
    place = (u64)&bpf_prog_put;
    return 0;
}
`,
};

interface Running {
  readonly child: ChildProcess;
  output(): string;
}

/** Starts the command as that user and waits until access(2) shows that everything is attached. */
async function startAsTracer(guest: Guest, program: ToolProgram, sign: string): Promise<Running> {
  const words = [...asTracer, "run", "--target", "kernel", guest.objectPath(program), "--json"];
  const child = spawn("/usr/bin/setpriv", words, { stdio: ["ignore", "pipe", "pipe"], env: environment });
  let [output, errors] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  try {
    await until("the probes", () => {
      assert.equal(child.exitCode, null, errors);
      existsSync("/no/such/file");
      return output.includes(sign);
    });
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
  return { child, output: () => output };
}

/** Ctrl-C; the JSON lines that were printed. */
async function stop({ child, output }: Running): Promise<Record<string, unknown>[]> {
  child.kill("SIGINT");
  const [status] = await once(child, "close");
  assert.equal(status, 0);
  const lines = output().trim().split("\n");
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

const environment = { HOME: "/tmp", PATH: "/bin:/usr/bin" };

/** Runs the command as that user to its end. */
function runAsTracer(...words: readonly string[]) {
  const result = spawnSync("/usr/bin/setpriv", [...asTracer, ...words], {
    encoding: "utf8",
    timeout: 90_000,
    env: environment,
  });
  assert.doesNotMatch(result.stderr, /^\s+at /m);
  return result;
}

/** Sets a sysctl for a while. */
async function withSysctl(name: string, value: string, run: () => void | Promise<void>): Promise<void> {
  const path = `/proc/sys/kernel/${name}`;
  const before = readFileSync(path, "utf8");
  writeFileSync(path, value);
  try {
    await run();
  } finally {
    writeFileSync(path, before);
  }
}

/** Does something while a file system is not mounted. */
async function without(
  place: string,
  mount: readonly string[],
  run: () => void | Promise<void>,
): Promise<void> {
  execFileSync("/bin/umount", ["-l", place]);
  try {
    await run();
  } finally {
    execFileSync("/bin/mount", ["-t", ...mount, place]);
  }
}

/** Users who are not root, and file systems that are not mounted. */
export const privilegeCases: readonly GuestCase[] = [
  {
    name: "with CAP_BPF and CAP_PERFMON alone: kprobes, raw tracepoints and fexit count without tracefs",
    only: "stable",
    programs: [untraced],
    async run(guest) {
      const before = loadedObjects(guest.kernel);
      // Debian's own value, 3, leaves perf events to CAP_SYS_ADMIN.
      await withSysctl("perf_event_paranoid", "3", () => {
        const { status, stderr } = runAsTracer("run", "--target", "kernel", guest.objectPath(untraced));
        assert.equal(status, 1);
        assert.match(stderr, /opening a kprobe event \[LK003\]\n {2}hint: kernel\.perf_event_paranoid is 3/);
        const { stdout } = runAsTracer("feature");
        assert.match(
          stdout,
          /kernel\.perf_event_paranoid is 3.*\n {4}hint: sysctl kernel\.perf_event_paranoid=2/,
        );
      });
      await withSysctl("perf_event_paranoid", "2", async () => {
        const running = await startAsTracer(guest, untraced, '"ready"');
        callGetegid(21);
        for (let exec = 0; exec < 4; exec++) execTrue();
        const counts = (await stop(running)).find((line) => line["map"] === "counts");
        const entries = (counts?.["entries"] ?? []) as { key: number; value: number }[];
        const found = Object.fromEntries(entries.map(({ key, value }) => [key, value]));
        assert.deepEqual(found, { 1: 21, 2: 21, 4: 4, 5: 4 }, JSON.stringify(counts));
      });
      await untilUnloaded(guest.kernel, before);
    },
  },
  {
    name: "with CAP_BPF and CAP_PERFMON alone: tracepoints need tracefs, which its group may be given",
    only: "stable",
    programs: [tracepoint],
    async run(guest) {
      const before = loadedObjects(guest.kernel);
      const refused = runAsTracer("run", "--target", "kernel", guest.objectPath(tracepoint));
      assert.equal(refused.status, 1, refused.stdout);
      assert.match(refused.stderr, /does not permit reading \/sys\/kernel\/tracing.*\[LK003\]/);
      assert.match(refused.stderr, /hint: .*gid=/);
      execFileSync("/bin/mount", ["-o", `remount,mode=750,gid=${nobody}`, tracefs]);
      try {
        await withSysctl("perf_event_paranoid", "2", async () => {
          const running = await startAsTracer(guest, tracepoint, "ready");
          for (let exec = 0; exec < 6; exec++) execTrue();
          const execs = (await stop(running)).find((line) => line["variable"] === "execs");
          assert.equal(execs?.["value"], 6);
        });
      } finally {
        execFileSync("/bin/mount", ["-o", "remount,mode=700,gid=0", tracefs]);
      }
      await untilUnloaded(guest.kernel, before);
    },
  },
  {
    name: "with CAP_BPF and CAP_PERFMON alone: packets, uprobes, addresses, listing and features say what they need",
    only: "stable",
    programs: [packets, library, address],
    async run(guest) {
      const before = loadedObjects(guest.kernel);
      const cases: readonly (readonly [readonly string[], readonly RegExp[]])[] = [
        [
          ["run", "--target", "kernel", guest.objectPath(packets)],
          [/\[LK003\]/, /CAP_NET_ADMIN/],
        ],
        [
          ["run", "--target", "kernel", guest.objectPath(address)],
          [/bpf_prog_put.*\[LK003\]/, /CAP_SYSLOG/],
        ],
        [
          ["prog", "list"],
          [/programs of the whole kernel \[LK003\]/, /CAP_SYS_ADMIN/],
        ],
      ];
      await withSysctl("perf_event_paranoid", "2", () => {
        const { status, stderr } = runAsTracer("run", "--target", "kernel", guest.objectPath(library));
        assert.equal(status, 1, stderr);
        assert.match(stderr, /opening a uprobe event \[LK003\]\n {2}hint: .*uprobes need CAP_SYS_ADMIN/);
      });
      for (const [words, patterns] of cases) {
        const { status, stderr } = runAsTracer(...words);
        assert.equal(status, 1, stderr);
        for (const pattern of patterns) assert.match(stderr, pattern);
        assert.equal(stderr.match(/^error: /gm)?.length, 1, stderr);
      }
      const { status, stdout, stderr } = runAsTracer("feature", "--json");
      assert.equal(status, 0, stderr);
      const { program_types, event_sources } = JSON.parse(stdout) as Record<string, Record<string, unknown>>;
      assert.deepEqual(
        [program_types?.["have_kprobe_prog_type"], program_types?.["have_xdp_prog_type"]],
        [true, null],
      );
      assert.deepEqual(event_sources, {
        kprobes: true,
        uprobes: true,
        tracepoints: null,
        kernel_types: true,
        kernel_symbols: null,
      });
      assert.deepEqual(loadedSince(guest.kernel, before), []);
    },
  },
  {
    name: "without capabilities nothing is loaded, though kernel.unprivileged_bpf_disabled is 0",
    only: "stable",
    programs: [untraced],
    async run(guest) {
      const before = loadedObjects(guest.kernel);
      const words = [...asTracer].map((word) => word.replace(",+bpf,+perfmon", ""));
      await withSysctl("unprivileged_bpf_disabled", "0", () => {
        const object = guest.objectPath(untraced);
        const run = ["run", "--target", "kernel", object];
        const { status, stderr } = spawnSync("/usr/bin/setpriv", [...words, ...run], { encoding: "utf8" });
        assert.equal(status, 1);
        assert.match(stderr, /needs CAP_BPF and CAP_PERFMON \[LK003\]/);
      });
      assert.deepEqual(loadedSince(guest.kernel, before), []);
    },
  },
  {
    name: "kernel.kptr_restrict=2 hides the names of functions from root, too, and it is said once",
    only: "stable",
    programs: [untraced],
    async run(guest) {
      await withSysctl("kptr_restrict", "2", async () => {
        const warnings: string[] = [];
        const bpf = await BPF.open({
          object: readFileSync(guest.objectPath(untraced)),
          name: "no-tracefs.bpf.o",
          kernel: guest.kernel,
          onWarning: (message) => warnings.push(message),
        });
        try {
          assert.deepEqual([bpf.ksym(0xffffffff81000000n), bpf.ksym(0n)], ["[unknown]", "[unknown]"]);
          assert.equal(warnings.length, 1);
          assert.match(warnings[0] ?? "", /hides its addresses.*kptr_restrict below 2/);
        } finally {
          bpf.close();
        }
        const { stdout } = spawnSync(process.execPath, [command, "feature"], { encoding: "utf8" });
        assert.match(stdout, /^ {2}kernel symbols +not known$/m);
        assert.match(stdout, /hint: kernel\.kptr_restrict is 2.*sysctl kernel\.kptr_restrict=1/);
      });
    },
  },
  {
    name: "tracefs is found below debugfs, too; file systems that are not mounted are named",
    only: "stable",
    programs: [tracepoint],
    async run(guest) {
      const run = (...words: string[]) =>
        spawnSync(process.execPath, [command, ...words], { encoding: "utf8", timeout: 90_000 });
      await without(tracefs, ["tracefs", "none"], async () => {
        const bpf = await guest.open(tracepoint);
        for (let exec = 0; exec < 5; exec++) execTrue();
        assert.equal(bpf.collection.variable("execs").read(), 5);
        bpf.close();
        assert.match(run("feature").stdout, /^ {2}tracepoints +yes$/m);
        await without("/sys/kernel/debug", ["debugfs", "none"], () => {
          const { status, stderr } = run("run", "--target", "kernel", guest.objectPath(tracepoint));
          assert.equal(status, 1);
          assert.match(stderr, /tracefs is not mounted.*\[LK007\]\n {2}hint: .*mount -t tracefs/);
        });
      });
      await without("/sys/fs/bpf", ["bpf", "none"], () => {
        const { stdout, status } = run("feature");
        assert.equal(status, 0);
        assert.match(stdout, /nothing can be pinned\n {4}hint: As root: mount -t bpf none \/sys\/fs\/bpf/);
      });
    },
  },
];
