/** Guest tests of structs of functions: a TCP congestion control in BPF, used by a connection, and taken back. */
import { strict as assert } from "node:assert";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import type { ToolProgram } from "bpfkit";
import type { Guest, GuestCase } from "../guest-case.ts";
import { loadedObjects, loadedSince, untilUnloaded } from "./loaded-objects.ts";

const sysctl = "/proc/sys/net/ipv4";

const congestion = (section: string): ToolProgram => ({
  file: "congestion.bpf.c",
  text: `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

extern void tcp_reno_cong_avoid(struct sock *sk, u32 ack, u32 acked) __ksym;
extern u32 tcp_reno_undo_cwnd(struct sock *sk) __ksym;

u64 sockets;
u64 acknowledged;

SEC("struct_ops/test_init")
void BPF_PROG(test_init, struct sock *sk)
{
    __sync_fetch_and_add(&sockets, 1);
}

SEC("struct_ops/test_ssthresh")
u32 BPF_PROG(test_ssthresh, struct sock *sk)
{
    return 2;
}

SEC("struct_ops/test_cong_avoid")
void BPF_PROG(test_cong_avoid, struct sock *sk, u32 ack, u32 acked)
{
    __sync_fetch_and_add(&acknowledged, acked);
    tcp_reno_cong_avoid(sk, ack, acked);
}

SEC("struct_ops/test_undo_cwnd")
u32 BPF_PROG(test_undo_cwnd, struct sock *sk)
{
    return tcp_reno_undo_cwnd(sk);
}

SEC("${section}")
struct tcp_congestion_ops bpf_test = {
    .init = (void *)test_init,
    .ssthresh = (void *)test_ssthresh,
    .cong_avoid = (void *)test_cong_avoid,
    .undo_cwnd = (void *)test_undo_cwnd,
    .name = "bpf_test",
};
`,
});

const byUpdate = congestion(".struct_ops");
const byLink = congestion(".struct_ops.link");

const read = (name: string): string => readFileSync(`${sysctl}/${name}`, "latin1").trim();
const isAvailable = (): boolean => read("tcp_available_congestion_control").split(" ").includes("bpf_test");

/** Sends bytes through a connection of this machine with itself, until the other end has them all. */
async function sendToSelf(sizeBytes: number): Promise<void> {
  let received = 0;
  const server = createServer((socket) => {
    socket.on("data", (bytes) => {
      received += bytes.length;
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  const socket = connect(address.port, "127.0.0.1");
  await once(socket, "connect");
  socket.end(new Uint8Array(sizeBytes));
  socket.resume();
  await once(socket, "close");
  server.close();
  await once(server, "close");
  assert.equal(received, sizeBytes);
}

/** The congestion control is there, is used, and goes when its object is closed. */
async function useCongestionControl(guest: Guest, program: ToolProgram): Promise<void> {
  const before = loadedObjects(guest.kernel);
  assert.equal(isAvailable(), false);
  const bpf = await guest.open(program);
  const usual = read("tcp_congestion_control");
  try {
    assert.equal(isAvailable(), true);
    assert.deepEqual(
      bpf.links.map(({ description }) => description),
      ["struct_ops:bpf_test"],
    );
    assert.throws(() => bpf.attachStructOps({ map: "bpf_test" }), /LD093|bpf_test could not be registered/);
    const value = (name: string): number => Number(bpf.collection.variable(name).read());
    await sendToSelf(100_000);
    assert.deepEqual([value("sockets"), value("acknowledged")], [0, 0]);
    writeFileSync(`${sysctl}/tcp_congestion_control`, "bpf_test");
    await sendToSelf(1_000_000);
    // Both ends of the connection; segments of lo are at most 64 KiB long.
    assert.equal(value("sockets"), 2);
    assert.ok(value("acknowledged") >= 16, `${value("acknowledged")} segments acknowledged`);
  } finally {
    writeFileSync(`${sysctl}/tcp_congestion_control`, usual);
    bpf.close();
  }
  assert.equal(isAvailable(), false);
  // The kernel keeps the struct until no socket uses it.
  await untilUnloaded(guest.kernel, before);
}

/** Structs of functions. */
export const structOpsCases: readonly GuestCase[] = [
  {
    name: "struct_ops: a congestion control that connections use, gone when it is closed",
    programs: [byUpdate],
    run: (guest) => useCongestionControl(guest, byUpdate),
  },
  {
    only: "backports",
    name: "struct_ops: the same by a link",
    programs: [byLink],
    run: (guest) => useCongestionControl(guest, byLink),
  },
  {
    only: "stable",
    name: "struct_ops: a link is refused before Linux 6.4, and nothing is left",
    programs: [byLink],
    async run(guest) {
      const before = loadedObjects(guest.kernel);
      await assert.rejects(guest.open(byLink), (error: Error & { code?: string; hint?: string }) => {
        assert.equal(error.code, "LD051");
        assert.match(error.hint ?? "", /6\.4/);
        return true;
      });
      assert.equal(isAvailable(), false);
      assert.deepEqual(loadedSince(guest.kernel, before), []);
    },
  },
];
