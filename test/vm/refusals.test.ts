/** What the simulated kernel cannot attach, it refuses by name, and nothing stays open. */
import { NotSupportedError } from "@bpfkit/base/diagnostics";
import { BPF, USDT } from "bpfkit";
import { Builder, openKernel } from "bpfkit/node";
import { test } from "uvu";
import * as assert from "uvu/assert";

const builder = new Builder();
const text = `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
char LICENSE[] SEC("license") = "GPL";
SEC("kprobe") int probe(void *ctx) { return 0; }
SEC("xdp") int packet(struct xdp_md *ctx) { return XDP_PASS; }
SEC("tc") int classify(struct __sk_buff *skb) { return 0; }
SEC("cgroup_skb/egress") int egress(struct __sk_buff *skb) { return 1; }
SEC("socket") int filter(struct __sk_buff *skb) { return 0; }
`;

test("attach types of real kernels only", async () => {
  const { object } = await builder.build({ file: "refused.bpf.c", text });
  const kernel = await openKernel({ target: "vm", scenario: "exec" });
  try {
    const bpf = await BPF.open({ object, name: "refused.bpf.c", kernel });
    const attempts: readonly (readonly [words: RegExp, attach: () => unknown])[] = [
      [/eth0/, () => bpf.attachXdp({ interface: "eth0", program: "packet" })],
      [
        /eth0/,
        () => bpf.attachTrafficControl({ interface: "eth0", direction: "egress", program: "classify" }),
      ],
      [/sys\/fs\/cgroup/, () => bpf.attachCgroup({ path: "/sys/fs/cgroup", program: "egress" })],
      [/socket filters/, () => bpf.attachSocketFilter({ socket: 3, program: "filter" })],
      [/network interface lo/, () => bpf.attachRawSocket({ interface: "lo", program: "filter" })],
      [/kprobe\.multi/, () => bpf.attachKprobeMulti({ functions: ["do_exit"], program: "probe" })],
      [/tracefs/, () => bpf.attachKprobe({ event: "do_exit", program: "probe", mode: "tracefs" })],
      [/perf events/, () => bpf.attachPerfEvent({ kind: "cache", config: 0, program: "probe" })],
    ];
    for (const [words, attach] of attempts) {
      assert.throws(
        attach,
        (error: unknown) => error instanceof NotSupportedError && words.test(error.message),
        `${words}`,
      );
    }
    assert.throws(
      () => bpf.attachUprobe({ path: "/bin/sh", symbol: "main", program: "probe" }),
      /no file \/bin\/sh/,
    );
    assert.throws(() => new USDT({ path: "/bin/sh" }).enumerateProbes(kernel), /no file \/bin\/sh/);
    assert.throws(() => bpf.program("probe").pin("/sys/fs/bpf/probe"), /pinning in the simulated kernel/);
    assert.is(bpf.links.length, 0);
    bpf.close();
  } finally {
    kernel.shutdown();
  }
});

test("maps that the VM lacks are refused with their name, and where they work", async () => {
  const source = `BPF_TABLE("hash", u32, u32, inner, 10);
BPF_HASH_OF_MAPS(outer, "inner", 10);
int kprobe__do_exit(void *ctx) { return 0; }
`;
  const { object } = await builder.build({ file: "outer.c", text: source });
  const kernel = await openKernel({ target: "vm", scenario: "exec" });
  try {
    await BPF.open({ object, name: "outer.c", kernel });
    assert.unreachable("nothing was thrown");
  } catch (error) {
    assert.ok(error instanceof NotSupportedError, String(error));
    assert.is(
      error.message,
      "maps of type hash_of_maps (map outer) in the simulated kernel is not supported",
    );
    assert.match(error.hint ?? "", /--target kernel/);
  } finally {
    kernel.shutdown();
  }
});

test.after(() => builder.close());
test.run();
