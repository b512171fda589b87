/** Guest tests of perf buffers and ring buffers: every record arrives or is counted as lost. */
import { strict as assert } from "node:assert";
import type { BPF, ToolProgram } from "bpfkit";
import type { GuestCase } from "../guest-case.ts";
import { callGetegid } from "./probes.ts";

const perf: ToolProgram = {
  file: "perf.c",
  text: `struct event {
    u64 number;
    u32 pid;
    char comm[TASK_COMM_LEN];
    char filler[100];
};
BPF_PERF_OUTPUT(events);
BPF_ARRAY(calls, u64, 1);
int kprobe__sys_getegid(void *ctx)
{
    struct event event = {};
    int zero = 0;
    u64 *count = calls.lookup(&zero);
    if (!count)
        return 0;
    event.number = __sync_fetch_and_add(count, 1);
    event.pid = bpf_get_current_pid_tgid() >> 32;
    bpf_get_current_comm(&event.comm, sizeof(event.comm));
    events.perf_submit(ctx, &event, sizeof(event));
    return 0;
}
`,
};

const ring: ToolProgram = {
  file: "ring.c",
  text: `struct event {
    u64 number;
    u32 pid;
};
BPF_RINGBUF_OUTPUT(events, 1);
BPF_ARRAY(calls, u64, 2);
int kprobe__sys_getegid(void *ctx)
{
    struct event *event;
    int zero = 0, one = 1;
    u64 *count = calls.lookup(&zero);
    if (!count)
        return 0;
    u64 number = __sync_fetch_and_add(count, 1);
    event = events.ringbuf_reserve(sizeof(struct event));
    if (!event) {
        calls.increment(one);
        return 0;
    }
    event->number = number;
    event->pid = bpf_get_current_pid_tgid() >> 32;
    if (number % 10 == 3)
        events.ringbuf_discard(event, 0);
    else
        events.ringbuf_submit(event, 0);
    return 0;
}
`,
};

interface Event {
  readonly number: bigint;
  readonly pid: number;
}

/** Polls until nothing comes any more. */
async function drain(poll: () => Promise<{ events: number }>): Promise<void> {
  for (;;) {
    const { events } = await poll();
    if (events === 0) return;
  }
}

const numbers = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, index) => from + index);

async function wakesUp(bpf: BPF, poll: (timeoutMs: number) => Promise<{ events: number }>): Promise<void> {
  const started = performance.now();
  const polled = poll(10_000);
  setTimeout(() => callGetegid(1), 100);
  const { events } = await polled;
  const took = performance.now() - started;
  assert.equal(events, 1);
  assert.ok(took >= 90 && took < 5000, `woken after ${took} ms`);
  assert.ok(bpf.links.length > 0);
}

const orders: ToolProgram = {
  file: "user-ring.bpf.c",
  text: `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
char LICENSE[] SEC("license") = "GPL";

struct {
    __uint(type, BPF_MAP_TYPE_USER_RINGBUF);
    __uint(max_entries, 4096);
} orders SEC(".maps");

u64 records, bytes, sum;

static long take(struct bpf_dynptr *order, void *context)
{
    u64 value = 0;
    u8 last = 0;

    if (bpf_dynptr_read(&value, sizeof(value), order, 0, 0))
        return 1;
    records++;
    sum += value;
    /* Records say in their first bytes how long they are; their last byte is 7. */
    if (!bpf_dynptr_read(&last, 1, order, value - 1, 0) && last == 7)
        bytes += value;
    return 0;
}

SEC("tracepoint/syscalls/sys_enter_getegid")
int drain(void *ctx)
{
    bpf_user_ringbuf_drain(&orders, take, NULL, 0);
    return 0;
}
`,
};

/** A record that says how long it is. */
function order(sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(sizeBytes), true);
  bytes[sizeBytes - 1] = 7;
  return bytes;
}

/** Rings. */
export const ringCases: readonly GuestCase[] = [
  {
    name: "perf buffer: events in order, across many rounds of the ring",
    programs: [perf],
    async run(guest) {
      const bpf = await guest.open(perf);
      const seen: number[] = [];
      try {
        const events = bpf.table("events");
        events.openPerfBuffer(
          (_cpu, data) => {
            const { number, pid } = events.event(data) as unknown as Event;
            assert.equal(pid, process.pid);
            seen.push(Number(number));
          },
          { pageCount: 2, onLost: (_cpu, count) => assert.fail(`${count} events lost`) },
        );
        for (let round = 0; round < 40; round++) {
          callGetegid(25);
          await drain(() => bpf.perfBufferPoll(0));
        }
        assert.deepEqual(seen, numbers(0, 1000));
        await wakesUp(bpf, (timeoutMs) => bpf.perfBufferPoll(timeoutMs));
      } finally {
        bpf.close();
      }
    },
  },
  {
    name: "perf buffer: what does not fit is counted as lost",
    programs: [perf],
    async run(guest) {
      const bpf = await guest.open(perf);
      let received = 0;
      let lost = 0;
      try {
        bpf
          .table("events")
          .openPerfBuffer(() => received++, { pageCount: 1, onLost: (_cpu, count) => (lost += count) });
        callGetegid(500);
        await drain(() => bpf.perfBufferPoll(0));
        // The kernel reports losses with the next event that fits: one for each CPU's ring.
        for (let turn = 0; turn < 200 && received + lost < 500 + turn; turn++) {
          callGetegid(1);
          await drain(() => bpf.perfBufferPoll(0));
          await bpf.sleep(5);
        }
        assert.ok(lost > 0 && received > 0, `${received} received, ${lost} lost`);
        const [calls] = bpf.table("calls").values();
        assert.equal(BigInt(received + lost), calls);
      } finally {
        bpf.close();
      }
    },
  },
  {
    name: "ring buffer: records in order, discarded ones left out, full buffers refuse",
    programs: [ring],
    async run(guest) {
      const bpf = await guest.open(ring);
      const seen: number[] = [];
      try {
        const events = bpf.table("events");
        events.openRingBuffer((data) => {
          const { number, pid } = events.event(data) as unknown as Event;
          assert.equal(pid, process.pid);
          seen.push(Number(number));
        });
        for (let round = 0; round < 10; round++) {
          callGetegid(100);
          await drain(() => bpf.ringBufferPoll(0));
        }
        assert.deepEqual(
          seen,
          numbers(0, 1000).filter((number) => number % 10 !== 3),
        );
        assert.deepEqual(bpf.table("calls").values(), [1000n, 0n]);
        await wakesUp(bpf, (timeoutMs) => bpf.ringBufferPoll(timeoutMs));
        seen.length = 0;
        callGetegid(300);
        await drain(() => bpf.ringBufferPoll(0));
        // 4096 bytes hold 170 records of 24 bytes, header included.
        assert.equal(bpf.table("calls").get(1), 130n);
        assert.equal(seen.length, numbers(1001, 1171).filter((number) => number % 10 !== 3).length);
      } finally {
        bpf.close();
      }
    },
  },
  {
    name: "user ring buffer: 600 records of many lengths are drained, a full one says so",
    programs: [orders],
    async run(guest) {
      const bpf = await guest.open(orders);
      try {
        const writer = bpf.table("orders").openRingWriter();
        const read = (name: string): number => Number(bpf.collection.variable(name).read());
        let sum = 0;
        for (let number = 0; number < 600; number++) {
          // Around the end of the ring many times, and across it.
          const sizeBytes = 9 + ((number * 37) % 300);
          assert.equal(writer.write(order(sizeBytes)), true);
          sum += sizeBytes;
          if (number % 10 === 9) callGetegid(1);
        }
        assert.deepEqual([read("records"), read("bytes"), read("sum")], [600, sum, sum]);
        const small = order(9);
        let written = 0;
        while (writer.write(small)) written++;
        // 9 bytes take 16, and 8 for their header.
        assert.equal(written, Math.floor(4096 / 24));
        callGetegid(1);
        assert.equal(read("records"), 600 + written);
        assert.equal(writer.write(small), true);
        assert.throws(() => writer.write(new Uint8Array(4090)), /LD096|does not fit/);
        writer.close();
        assert.throws(() => writer.write(small), /LD096|is closed/);
        callGetegid(1);
        assert.equal(read("records"), 601 + written);
      } finally {
        bpf.close();
      }
    },
  },
];
