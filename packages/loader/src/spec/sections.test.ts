/** Tests of what section names say, against libbpf's own answers and, for names newer than it, its table of 1.7. */
import { AttachType, attachTypeName, NewerAttachType, ProgramType, programTypeName } from "@bpfkit/base/abi";
import koffi from "koffi";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { hasLibbpf } from "../../../../test/corpus/codegen/kernel/libbpf.ts";
import { sectionDefinitions, sectionMeaning } from "./sections.ts";

const N = NewerAttachType;
const { CgroupSockAddr, Kprobe, SchedCls, Tracing } = ProgramType;
const netfilterType = 32;

/** Names that libbpf 1.1 does not know, with what 1.7 says of them (`section_defs` of src/libbpf.c at v1.7.0). */
const newerNames: Readonly<Record<string, readonly [type: number, attachType: number]>> = {
  "kprobe.session": [Kprobe, N.TraceKprobeSession],
  "uprobe.multi": [Kprobe, N.TraceUprobeMulti],
  "uretprobe.multi": [Kprobe, N.TraceUprobeMulti],
  "uprobe.multi.s": [Kprobe, N.TraceUprobeMulti],
  "uretprobe.multi.s": [Kprobe, N.TraceUprobeMulti],
  "uprobe.session": [Kprobe, N.TraceUprobeSession],
  "uprobe.session.s": [Kprobe, N.TraceUprobeSession],
  "usdt.s": [Kprobe, 0],
  "tc/ingress": [SchedCls, N.TcxIngress],
  "tc/egress": [SchedCls, N.TcxEgress],
  "tcx/ingress": [SchedCls, N.TcxIngress],
  "tcx/egress": [SchedCls, N.TcxEgress],
  "netkit/primary": [SchedCls, N.NetkitPrimary],
  "netkit/peer": [SchedCls, N.NetkitPeer],
  "sk_skb/verdict": [ProgramType.SkSkb, AttachType.SkSkbVerdict],
  "struct_ops.s": [ProgramType.StructOps, 0],
  fsession: [Tracing, N.TraceFsession],
  "fsession.s": [Tracing, N.TraceFsession],
  "cgroup/connect_unix": [CgroupSockAddr, N.CgroupUnixConnect],
  "cgroup/sendmsg_unix": [CgroupSockAddr, N.CgroupUnixSendmsg],
  "cgroup/recvmsg_unix": [CgroupSockAddr, N.CgroupUnixRecvmsg],
  "cgroup/getpeername_unix": [CgroupSockAddr, N.CgroupUnixGetpeername],
  "cgroup/getsockname_unix": [CgroupSockAddr, N.CgroupUnixGetsockname],
  netfilter: [netfilterType, N.Netfilter],
};

/** Names with anything behind a slash that libbpf before 1.0 took, and 1.0 does not any more; objects of that time have them. */
const olderNames = /^(xdp|tc|classifier|action|sk_skb)\/./;

/** What libbpf 1.7 says of a name that 1.1 does not know. */
const newer = (name: string): readonly [number, number] | undefined => {
  const bare = name.replace(/\/target$/, "");
  const takesTarget = /^(?:[ku]probe\.session|u(?:ret)?probe\.multi|usdt|fsession|struct_ops)(?:\.s)?$/;
  return newerNames[name] ?? (takesTarget.test(bare) ? newerNames[bare] : undefined);
};

const words = (answer: readonly [number, number] | undefined): string =>
  answer === undefined
    ? "unknown"
    : `${answer[0] === netfilterType ? "netfilter" : programTypeName(answer[0])}, ${attachTypeName(answer[1])}`;

const ours = (name: string): readonly [number, number] | undefined => {
  const definition = sectionMeaning(name)?.definition;
  return definition === undefined ? undefined : [definition.type, definition.attachType];
};

if (!hasLibbpf()) {
  const message = "comparing section names with libbpf needs libbpf.so.1";
  if (process.env["CI"] !== undefined) throw new Error(message);
  process.stderr.write(`SKIPPED: ${message}\n`);
} else {
  /** libbpf_prog_type_by_name. */
  const byName = koffi
    .load("libbpf.so.1")
    .func("libbpf_prog_type_by_name", "int", ["str", "_Out_ int *", "_Out_ int *"]);
  const theirs = (name: string): readonly [number, number] | undefined => {
    const [type, attachType] = [[0], [0]];
    return byName(name, type, attachType) === 0 ? [type[0] ?? 0, attachType[0] ?? 0] : undefined;
  };

  const prefixes = sectionDefinitions.map(({ prefix }) => prefix);
  const odd = ["s", ".s", ".multi", "2"].flatMap((end) => prefixes.map((prefix) => prefix + end));
  const names = [
    ...new Set([...prefixes, ...Object.keys(newerNames), ...odd, "cgroup", "cgroup/", "", "license"]),
  ];

  test("every name, alone, with a target and misspelt, means what libbpf says", () => {
    let compared = 0;
    for (const name of names.flatMap((each) => [each, `${each}/target`])) {
      const older = olderNames.exec(name)?.[1];
      const expected = theirs(name) ?? newer(name) ?? (older === undefined ? undefined : ours(older));
      assert.is(words(ours(name)), words(expected), name);
      compared += 1;
    }
    assert.ok(compared > 1000, String(compared));
  });
}

test("sleepable programs end in .s, but for syscall; XDP with fragments says so", () => {
  for (const { prefix, sleepable = false, flags = 0 } of sectionDefinitions) {
    assert.is(sleepable, prefix.endsWith(".s") || prefix === "syscall", prefix);
    assert.is(flags, prefix.startsWith("xdp.frags") ? 1 << 5 : 0, prefix);
  }
  assert.is(sectionMeaning("lsm_cgroup/socket_bind")?.definition.attachType, AttachType.LsmCgroup);
});

test.run();
