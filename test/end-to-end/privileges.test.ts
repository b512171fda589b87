/**
 * What keeps bpfkit from a machine's kernel is said in one message each, and nothing falls back to the VM. Privileges are
 * taken away, and files of the kernel hidden, for the command alone; every run ends before anything could be attached.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { canLoadBpf, requireTool } from "../support/native-tools.ts";

const root = resolve(import.meta.dirname, "../..");
const command = join(root, "packages/cli/bin/bpfkit.cjs");
const denied = join(root, "test/support/deny-bpf.mjs");

const folder = mkdtempSync(join(tmpdir(), "bpfkit-privileges-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

const programOf = (section: string): string => `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
SEC("${section}") int on_event(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	return BPF_CORE_READ(task, pid) == 1;
}
char LICENSE[] SEC("license") = "GPL";
`;

function file(section: string): string {
  const path = join(folder, `${section.replaceAll("/", "-")}.bpf.c`);
  writeFileSync(path, programOf(section));
  return path;
}

/** The words of `unshare` that hide `paths` behind empty folders, for the command alone. */
function hiding(paths: readonly string[], also = ""): string[] {
  const mounts = paths.map((path) => `mount -t tmpfs none ${path}`).join(" && ");
  return ["unshare", "--mount", "sh", "-c", `${mounts} && ${also}exec "$0" "$@"`, process.execPath, command];
}

const tracepoint = ["run", "--target", "kernel", file("tracepoint/sched/sched_process_exec")];
const kprobe = ["run", "--target", "kernel", file("kprobe/do_nanosleep")];
const sampling = ["run", "--target", "kernel", "profile", "1"];
const bare = [process.execPath, command];

interface Case {
  readonly name: string;
  readonly words: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly says: readonly RegExp[];
}

const cases: readonly Case[] = [
  {
    name: "no capability at all",
    words: ["setpriv", "--bounding-set=-all", "--inh-caps=-all", ...bare, ...tracepoint],
    says: [/needs CAP_BPF and CAP_PERFMON \[LK003\]/, /hint: .*sudo.*setcap/],
  },
  {
    name: "CAP_BPF without CAP_PERFMON",
    words: ["setpriv", "--bounding-set=-all,+bpf", "--inh-caps=-all", ...bare, ...tracepoint],
    says: [/needs CAP_PERFMON \[LK003\]/],
  },
  {
    name: "listing what is loaded without CAP_SYS_ADMIN",
    words: ["setpriv", "--bounding-set=-all,+bpf,+perfmon", "--inh-caps=-all", ...bare, "map", "list"],
    says: [/looking at maps of the whole kernel \[LK003\]/, /hint: .*CAP_SYS_ADMIN/],
  },
  {
    name: "a seccomp filter",
    words: [process.execPath, denied, ...tracepoint],
    says: [/does not permit the bpf system call \[LK003\]/, /hint: A seccomp filter is on/],
  },
  {
    name: "a seccomp filter that hides bpf(2)",
    words: [process.execPath, denied, ...tracepoint],
    environment: { DENIED: "bpf:38" },
    says: [/does not permit the bpf system call \[LK003\]/, /hint: A seccomp filter is on/],
  },
  {
    name: "a seccomp filter that refuses perf events",
    words: [process.execPath, denied, ...sampling],
    environment: { DENIED: "perf_event_open:1" },
    says: [/does not permit opening a software event \[LK003\]/, /hint: A seccomp filter is on/],
  },
  {
    name: "a seccomp filter that hides perf events",
    words: [process.execPath, denied, ...sampling],
    environment: { DENIED: "perf_event_open:38" },
    says: [/does not permit the perf_event_open system call \[LK003\]/, /hint: A seccomp filter is on/],
  },
  {
    name: "a user namespace",
    words: ["unshare", "--map-root-user", ...bare, ...tracepoint],
    says: [/does not permit the bpf system call \[LK003\]/, /hint: This process is in a user namespace/],
  },
  {
    name: "RLIMIT_MEMLOCK on an old kernel",
    // The kernel's release is faked as 2.6; the refusal is the filter's.
    words: [
      "setarch",
      "--uname-2.6",
      "prlimit",
      "--memlock=65536:65536",
      process.execPath,
      denied,
      ...tracepoint,
    ],
    says: [/LK003/, /RLIMIT_MEMLOCK bounds BPF, here to 65536 bytes/],
  },
  {
    name: "no BTF",
    words: [...hiding(["/sys/kernel/btf"]), ...tracepoint],
    says: [/this kernel has no BTF.*\[LK004\]/, /hint: .*CONFIG_DEBUG_INFO_BTF/],
  },
  {
    name: "no tracefs",
    words: [...hiding(["/sys/kernel/tracing", "/sys/kernel/debug"]), ...tracepoint],
    says: [/tracefs is not mounted.*\[LK007\]/, /hint: .*mount -t tracefs/],
  },
  {
    name: "no kprobes",
    words: [
      ...hiding(["/sys/bus/event_source/devices", "/sys/kernel/tracing", "/sys/kernel/debug"]),
      ...kprobe,
    ],
    says: [/no kprobes \[LK005\]/, /hint: .*CONFIG_KPROBE_EVENTS/],
  },
  {
    name: "lockdown",
    words: [
      ...hiding(
        ["/sys/kernel/security"],
        "echo 'none integrity [confidentiality]' > /sys/kernel/security/lockdown && ",
      ),
      ...tracepoint,
    ],
    says: [/locked down.*\[LK006\]/, /hint: .*lockdown=/],
  },
];

const tools = ["unshare", "setpriv", "setarch", "prlimit"].map(requireTool);
const mayRun = tools.every((tool) => tool !== undefined) && canLoadBpf();
if (!mayRun) {
  const message = "taking privileges away needs root, a kernel that loads programs and util-linux";
  if (process.env["CI"] !== undefined) throw new Error(message);
  process.stderr.write(`SKIPPED: ${message}\n`);
}

function run(words: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const [program = "", ...rest] = words;
  const env: NodeJS.ProcessEnv = { ...process.env, XDG_CACHE_HOME: folder, ...environment };
  delete env["NODE_OPTIONS"];
  return spawnSync(program, rest, { encoding: "utf8", timeout: 120_000, env });
}

for (const { name, words, says, environment } of cases) {
  if (!mayRun) continue;
  test(name, () => {
    const { status, stdout, stderr } = run(words, environment);
    assert.is(status, 1, stderr);
    assert.is(stdout, "");
    for (const pattern of says) assert.match(stderr, pattern);
    assert.is(stderr.match(/^error: /gm)?.length, 1, stderr);
    assert.not.match(stderr, /running in the bundled VM|^ {4}at /m);
  });
}

interface FeatureCase {
  readonly name: string;
  readonly words: readonly string[];
  /** What the text must say. */
  readonly says: readonly RegExp[];
  /** Answers that must not be taken for "no", as paths in the JSON. */
  readonly unknown: readonly string[];
  /** What is in the way, by its code or its first word. */
  readonly obstacle: RegExp;
}

const featureCases: readonly FeatureCase[] = [
  {
    name: "feature without tracefs: tracepoints are not known",
    words: hiding(["/sys/kernel/tracing", "/sys/kernel/debug"]),
    says: [
      /^ {2}tracepoints +not known$/m,
      /tracefs is not mounted.*\[LK007\]\n {4}hint: .*mount -t tracefs/,
    ],
    unknown: ["event_sources.tracepoints"],
    obstacle: /^LK007 tracefs is not mounted/,
  },
  {
    name: "feature without sysfs's lockdown file and BPF file system",
    words: hiding(["/sys/fs", "/sys/kernel/security"]),
    says: [
      /^ {2}bpf +not mounted$/m,
      /^ {2}lockdown +not known$/m,
      /nothing can be pinned\n {4}hint: .*mount -t bpf none \/sys\/fs\/bpf/,
    ],
    unknown: ["privileges.lockdown", "file_systems.bpf"],
    obstacle: /^null securityfs is not mounted/,
  },
  {
    name: "feature with CAP_BPF and CAP_PERFMON alone: what needs more is not known",
    words: ["setpriv", "--bounding-set=-all,+bpf,+perfmon", "--inh-caps=-all", ...bare],
    says: [
      /^ {2}xdp +not known$/m,
      /^ {2}kprobe +yes$/m,
      /^ {2}kernel symbols +not known$/m,
      /not permitted to try sched_cls.*\n {4}hint: It lacks CAP_SYS_ADMIN and CAP_NET_ADMIN/,
      /hides its addresses.*\n {4}hint: .*CAP_SYSLOG/,
    ],
    unknown: [
      "program_types.have_xdp_prog_type",
      "map_types.have_sockmap_map_type",
      "features.expected-attach-type.supported",
      "event_sources.kernel_symbols",
    ],
    obstacle: /^null this process was not permitted to try/,
  },
];

for (const { name, words, says, unknown, obstacle } of featureCases) {
  if (!mayRun) continue;
  test(name, () => {
    const text = run([...words, "feature"]);
    assert.is(text.status, 0, text.stderr);
    for (const pattern of says) assert.match(text.stdout, pattern);
    const report = JSON.parse(run([...words, "feature", "--json"]).stdout);
    for (const path of unknown) {
      assert.is(
        path.split(".").reduce((value, key) => value[key], report),
        null,
        path,
      );
    }
    const obstacles: { code: string | null; message: string }[] = report.obstacles;
    assert.ok(
      obstacles.some(({ code, message }) => obstacle.test(`${code} ${message}`)),
      JSON.stringify(obstacles),
    );
  });
}

test.run();
