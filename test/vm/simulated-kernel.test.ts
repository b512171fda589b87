/** The simulated kernel: any kernel's rules, and what programs see of its scenarios. Both engines. */
import { MapType, ProgramType } from "@bpfkit/base/abi";
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { boot, btf, runToEnd, startNs, text } from "./boot.ts";
import { kernelSuite } from "./kernel-suite.ts";
import {
  attach,
  counter,
  counters,
  countText,
  kprobe,
  kretprobe,
  load,
  outputText,
  perfBuffers,
  Tracing,
  tracepoint,
} from "./programs.ts";

for (const engine of ["interpreter", "jit"] as const) {
  kernelSuite(engine, () => boot("mixed", engine));
  const test = suite(`${engine}: simulated kernel`);

  test("events are counted to the last one", async () => {
    const kernel = boot("mixed", engine);
    const { blockIo, execs, opens, transfers, forks, exits } = kernel.groundTruth;
    const reads = transfers.filter(({ call }) => call === "read").length;
    const count = (call: string) => opens.filter((open) => open.call === call).length;
    const succeeded = opens.filter(({ ret }) => ret >= 0).length;
    const expected: [event: string, count: number][] = [
      ["blk_mq_start_request", blockIo.length],
      ["submit_bio", blockIo.length],
      ["__x64_sys_execve", execs.length],
      ["__x64_sys_openat", count("openat")],
      ["__x64_sys_open", count("open")],
      ["__x64_sys_openat2", count("openat2")],
      ["__x64_sys_creat", count("creat")],
      ["do_sys_openat2", opens.length],
      ["vfs_open", succeeded],
      ["__x64_sys_clone", forks.length],
      ["do_exit", exits.length],
      ["vfs_read", reads + blockIo.filter(({ operation }) => operation === "read").length],
      ["__x64_sys_read", reads],
      ["__x64_sys_write", transfers.length - reads],
      ["vfs_unlink", 0],
    ];
    const tracepoints: [event: string, count: number][] = [
      ["block/block_rq_issue", blockIo.length],
      ["block/block_rq_complete", blockIo.length],
      ["block/block_rq_insert", blockIo.filter(({ queuedNs }) => queuedNs > 0).length],
      ["block/block_bio_complete", blockIo.filter(({ bytes }) => bytes > 0).length],
      ["sched/sched_process_exec", execs.filter(({ ret }) => ret === 0).length],
      ["sched/sched_process_fork", forks.length],
      ["sched/sched_process_exit", exits.length],
      ["sched/sched_process_free", exits.length],
      ["sched/sched_wakeup_new", forks.length],
      ["syscalls/sys_enter_execve", execs.length],
      ["syscalls/sys_exit_execve", execs.length],
      // A fork returns twice.
      ["syscalls/sys_enter_clone", forks.length],
      ["syscalls/sys_exit_clone", 2 * forks.length],
      ["syscalls/sys_enter_exit_group", exits.length],
      ["syscalls/sys_exit_exit_group", 0],
      ["syscalls/sys_enter_openat", count("openat")],
    ];
    const map = counters(kernel, 200);
    let next = 0;
    const all: [name: string, index: number, count: number][] = [];
    for (const [name, wanted] of expected) {
      attach(kernel, kprobe(name), load(kernel, countText(map, next)));
      all.push([name, next++, wanted]);
      attach(kernel, kretprobe(name), load(kernel, countText(map, next)));
      // Of all these, only do_exit never returns.
      all.push([`${name} returns`, next++, name === "do_exit" ? 0 : wanted]);
    }
    for (const [name, wanted] of tracepoints) {
      const program = load(kernel, countText(map, next), { type: ProgramType.Tracepoint });
      attach(kernel, tracepoint(kernel, name), program);
      all.push([name, next++, wanted]);
    }
    await runToEnd(kernel, [], () => {});
    assert.equal(
      all.map(([name, index]) => [name, counter(kernel, map, index)]),
      all.map(([name, , wanted]) => [name, wanted]),
    );
    assert.ok(reads > 100 && transfers.length > reads);
    assert.ok(blockIo.length > 1000 && execs.length > 50 && opens.length > 900 && forks.length > 50);
    kernel.shutdown();
  });

  test("every I/O takes exactly its queue and service time, on its disk", async () => {
    const kernel = boot("block-io", engine);
    const starts = kernel.mapCreate({
      type: MapType.Hash,
      keySize: 8,
      valueSize: 16,
      maxEntries: 1024,
      flags: 0,
      name: "starts",
    });
    const buffers = perfBuffers(kernel, 64);
    const raw = { type: ProgramType.RawTracepoint };
    // starts[bio]: when it was queued. The bio of a request without one is not known to block_rq_issue: use rq->q there.
    const stamp = (slot: number) => `
      r6 = r1
      r7 = *(u64 *)(r1 +0)
      *(u64 *)(r10 -8) = r7
      r2 = r10
      r2 += -8
      r1 = map[fd:${starts}]
      call bpf_map_lookup_elem
      if r0 != 0 goto known
      *(u64 *)(r10 -24) = 0
      *(u64 *)(r10 -16) = 0
      r2 = r10
      r2 += -8
      r3 = r10
      r3 += -24
      r4 = 0
      r1 = map[fd:${starts}]
      call bpf_map_update_elem
      r2 = r10
      r2 += -8
      r1 = map[fd:${starts}]
      call bpf_map_lookup_elem
      if r0 == 0 goto out
    known:
      r8 = r0
      call bpf_ktime_get_ns
      *(u64 *)(r8 +${slot * 8}) = r0
    out:
      r0 = 0
      exit`;
    const place = (struct: string, field: string) => {
      const id = btf.find(struct, "struct");
      const type = id === undefined ? undefined : btf.type(id);
      const member = type?.kind === "struct" ? type.members.find(({ name }) => name === field) : undefined;
      assert.ok(member, `${struct}.${field}`);
      return member.bitOffset / 8;
    };
    const read = (destination: number, size: number, struct: string, field: string) => `
      r1 = r10
      r1 += ${destination}
      r2 = ${size}
      r3 = r7
      r3 += ${place(struct, field)}
      call bpf_probe_read_kernel`;
    const done = `
      r6 = r1
      r7 = *(u64 *)(r1 +0)
      r8 = *(u64 *)(r1 +16)
      *(u64 *)(r10 -8) = r7
      r2 = r10
      r2 += -8
      r1 = map[fd:${starts}]
      call bpf_map_lookup_elem
      if r0 == 0 goto out
      r9 = *(u64 *)(r0 +0)
      *(u64 *)(r10 -80) = r9
      call bpf_ktime_get_ns
      *(u64 *)(r10 -72) = r0
      *(u64 *)(r10 -64) = r8
      *(u64 *)(r10 -16) = 0
      ${read(-56, 8, "request", "__sector")}
      ${read(-16, 4, "request", "cmd_flags")}
      ${read(-24, 8, "request", "q")}
      r7 = *(u64 *)(r10 -24)
      ${read(-24, 8, "request_queue", "disk")}
      r7 = *(u64 *)(r10 -24)
      ${read(-48, 32, "gendisk", "disk_name")}
      r2 = r10
      r2 += -8
      r1 = map[fd:${starts}]
      call bpf_map_delete_elem
      ${outputText(buffers.map, -80, 72)}
    out:
      r0 = 0
      exit`;
    kernel.rawTracepointOpen("block_rq_issue", load(kernel, stamp(0), raw));
    kernel.rawTracepointOpen("block_rq_complete", load(kernel, done, raw));
    // Queue times, keyed by the bio; read out at the end.
    const queue = counters(kernel, 1);
    kernel.rawTracepointOpen("block_bio_queue", load(kernel, countText(queue), raw));
    const samples: Uint8Array[] = [];
    await runToEnd(kernel, buffers.fds, () => {
      const drained = buffers.drain();
      assert.is(drained.lost, 0);
      samples.push(...drained.samples);
    });
    const seen = samples.map((bytes) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      const [issued, completed] = [view.getBigUint64(0, true), view.getBigUint64(8, true)];
      return [
        text(bytes.subarray(32, 64)),
        view.getUint32(64, true),
        Number(view.getBigUint64(16, true)),
        Number(view.getBigUint64(24, true)),
        Number(issued - startNs),
        Number(completed - issued),
      ].join(" ");
    });
    const { blockIo } = kernel.groundTruth;
    const wanted = blockIo.map((io) =>
      [io.disk, io.commandFlags, io.bytes, io.sector, io.timeNs + io.queuedNs, io.serviceNs].join(" "),
    );
    assert.equal(seen.toSorted(), wanted.toSorted());
    assert.is(counter(kernel, queue), blockIo.length);
    assert.is(kernel.mapNextKey(starts, undefined), undefined, "nothing is in flight at the end");
    kernel.shutdown();
  });

  test("execve: arguments at entry, results, names and parents", async () => {
    const kernel = boot("exec", engine);
    const buffers = perfBuffers(kernel, 64);
    // struct { u64 pid_tgid; u64 time; s64 ret; char path[64]; char argv1[64]; char comm[16]; }
    const common = `
      call bpf_get_current_pid_tgid
      *(u64 *)(r10 -168) = r0
      call bpf_ktime_get_ns
      *(u64 *)(r10 -160) = r0
      r1 = r10
      r1 += -16
      r2 = 16
      call bpf_get_current_comm`;
    const zero = Array.from({ length: 21 }, (_, index) => `*(u64 *)(r10 ${-168 + 8 * index}) = 0`).join("\n");
    const enter = `
      r6 = r1
      ${zero}
      ${common}
      *(u64 *)(r10 -152) = 1
      r7 = *(u64 *)(r6 +112)   ; di: the user's registers
      r1 = r10
      r1 += -176
      r2 = 8
      r3 = r7
      r3 += 112
      call bpf_probe_read_kernel
      r1 = r10
      r1 += -144
      r2 = 64
      r3 = *(u64 *)(r10 -176)
      call bpf_probe_read_user_str
      r1 = r10
      r1 += -176
      r2 = 8
      r3 = r7
      r3 += 104
      call bpf_probe_read_kernel
      r1 = r10
      r1 += -176
      r2 = 8
      r3 = *(u64 *)(r10 -176)
      r3 += 8
      call bpf_probe_read_user
      r3 = *(u64 *)(r10 -176)
      r1 = r10
      r1 += -80
      r2 = 64
      call bpf_probe_read_user_str
      ${outputText(buffers.map, -168, 168)}`;
    const leave = `
      r6 = r1
      ${zero}
      ${common}
      r7 = *(u64 *)(r6 +80)
      *(u64 *)(r10 -152) = r7
      ${outputText(buffers.map, -168, 168)}`;
    attach(kernel, kprobe("__x64_sys_execve"), load(kernel, enter));
    attach(kernel, kretprobe("__x64_sys_execve"), load(kernel, leave));
    const samples: Uint8Array[] = [];
    const seen: string[] = [];
    await runToEnd(kernel, buffers.fds, () => samples.push(...buffers.drain().samples));
    for (const bytes of samples) {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      const pid = view.getUint32(4, true);
      const ret = Number(view.getBigInt64(16, true));
      const comm = text(bytes.subarray(152, 168));
      const time = Number(view.getBigUint64(8, true) - startNs);
      if (ret === 1)
        seen.push([pid, comm, time, text(bytes.subarray(24, 88)), text(bytes.subarray(88, 152))].join("|"));
      else seen.push([pid, comm, ret].join("|"));
    }
    const wanted = kernel.groundTruth.execs.flatMap(({ pid, comm, timeNs, path, argv, ret }) => [
      [pid, comm, timeNs, path, argv[1] ?? ""].join("|"),
      [pid, ret === 0 ? path.slice(path.lastIndexOf("/") + 1) : comm, ret].join("|"),
    ]);
    assert.equal(seen.toSorted(), wanted.toSorted());
    kernel.shutdown();
  });

  test("a tracepoint's record is laid out by its format", async () => {
    const kernel = boot("exec", engine);
    const buffers = perfBuffers(kernel);
    const program = `
      r6 = r1
      r7 = *(u32 *)(r1 +8)    ; __data_loc filename
      r7 &= 0xffff
      r3 = r1
      r3 += r7
      r1 = r10
      r1 += -64
      r2 = 56
      call bpf_probe_read_kernel_str
      r7 = *(u32 *)(r6 +12)
      *(u32 *)(r10 -8) = r7
      r7 = *(u32 *)(r6 +16)
      *(u32 *)(r10 -4) = r7
      ${outputText(buffers.map, -64, 64)}`;
    const zeroed = `${Array.from({ length: 8 }, (_, at) => `*(u64 *)(r10 ${-64 + 8 * at}) = 0`).join("\n")}\n${program}`;
    const fd = load(kernel, zeroed, { type: ProgramType.Tracepoint });
    attach(kernel, tracepoint(kernel, "sched/sched_process_exec"), fd);
    const seen: string[] = [];
    await runToEnd(kernel, buffers.fds, () => {
      for (const bytes of buffers.drain().samples) {
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
        seen.push(
          [text(bytes.subarray(0, 56)), view.getUint32(56, true), view.getUint32(60, true)].join(" "),
        );
      }
    });
    const done = kernel.groundTruth.execs.filter(({ ret }) => ret === 0);
    assert.equal(seen.toSorted(), done.map(({ path, pid }) => [path, pid, pid].join(" ")).toSorted());
    kernel.shutdown();
  });

  test("fentry and fexit get arguments and result", async () => {
    const kernel = boot("file-open", engine);
    const attachBtfId = btf.find("do_sys_openat2", "func");
    assert.ok(attachBtfId);
    const buffers = perfBuffers(kernel, 64);
    // long do_sys_openat2(int dfd, const char *filename, struct open_how *how)
    const program = `
      r6 = r1
      ${Array.from({ length: 8 }, (_, at) => `*(u64 *)(r10 ${-64 + 8 * at}) = 0`).join("\n")}
      r7 = *(u64 *)(r6 +24)
      *(u64 *)(r10 -64) = r7
      r7 = *(u64 *)(r6 +16)
      r7 = *(u64 *)(r7 +0)     ; how->flags, a typed pointer
      *(u64 *)(r10 -56) = r7
      r3 = *(u64 *)(r6 +8)
      r1 = r10
      r1 += -48
      r2 = 48
      call bpf_probe_read_user_str
      ${outputText(buffers.map, -64, 64)}`;
    kernel.rawTracepointOpen("", load(kernel, program, { ...Tracing.fexit, attachBtfId }));
    const entries = counters(kernel);
    kernel.rawTracepointOpen("", load(kernel, countText(entries), { ...Tracing.fentry, attachBtfId }));
    const seen: string[] = [];
    await runToEnd(kernel, buffers.fds, () => {
      for (const bytes of buffers.drain().samples) {
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
        const path = text(bytes.subarray(16, 64));
        seen.push([path, view.getBigInt64(0, true), view.getBigUint64(8, true)].join(" "));
      }
    });
    const { opens } = kernel.groundTruth;
    const creatFlags = 0o1101;
    const wanted = opens.map(({ path, ret, flags, call }) =>
      [path.slice(0, 47), ret, call === "creat" ? creatFlags : flags].join(" "),
    );
    assert.equal(seen.toSorted(), wanted.toSorted());
    assert.is(counter(kernel, entries), opens.length);
    kernel.shutdown();
  });

  test("bpf_trace_printk comes out of trace_pipe", async () => {
    const kernel = boot("exec", engine);
    const message = new DataView(new TextEncoder().encode("Hi %d!\n\0").buffer);
    const program = `
      r1 = 0x${message.getBigUint64(0, true).toString(16)}
      *(u64 *)(r10 -8) = r1
      call bpf_get_current_pid_tgid
      r3 = r0
      r3 &= 0x7fffffff
      r1 = r10
      r1 += -8
      r2 = 8
      call bpf_trace_printk
      r0 = 0
      exit`;
    attach(kernel, kprobe("__x64_sys_clone"), load(kernel, program));
    const pipe = kernel.openTracePipe();
    const first = await kernel.wait([pipe.fd], Number.POSITIVE_INFINITY);
    assert.equal(first.ready, [pipe.fd]);
    let output = pipe.read();
    assert.match(
      output,
      /^ {12}(bash|cron)-(1893|612) {3,4} \[00[0-3]\] \.\.\.21 {2}1000\.\d{6}: bpf_trace_printk: Hi (1893|612)!\n\n$/,
    );
    await runToEnd(kernel, [pipe.fd], () => {
      output += pipe.read();
    });
    const lines = output.split("\n").filter((line) => line !== "");
    assert.is(lines.length, kernel.groundTruth.forks.length);
    const times = lines.map((line) => Number(/ (\d+\.\d{6}):/.exec(line)?.[1]));
    const wanted = kernel.groundTruth.forks.map(
      ({ timeNs }) => Math.floor((timeNs + Number(startNs)) / 1000) / 1e6,
    );
    assert.equal(times, wanted);
    pipe.close();
    kernel.shutdown();
  });

  test("ring buffer records arrive framed, in order, and wake the reader", async () => {
    const kernel = boot("exec", engine);
    const ringMap = kernel.mapCreate({
      type: MapType.Ringbuf,
      keySize: 0,
      valueSize: 0,
      maxEntries: 4096,
      flags: 0,
      name: "ring",
    });
    const program = `
      r1 = map[fd:${ringMap}]
      r2 = 20
      r3 = 0
      call bpf_ringbuf_reserve
      if r0 == 0 goto out
      r6 = r0
      call bpf_ktime_get_ns
      *(u64 *)(r6 +0) = r0
      call bpf_get_current_pid_tgid
      *(u64 *)(r6 +8) = r0
      *(u32 *)(r6 +16) = 77
      r1 = r6
      r2 = 0
      r3 = r0
      r3 &= 1
      if r3 == 0 goto keep
      call bpf_ringbuf_discard
      goto out
    keep:
      call bpf_ringbuf_submit
    out:
      r0 = 0
      exit`;
    attach(kernel, kprobe("do_exit"), load(kernel, program));
    const ring = kernel.mapRingBuffer(ringMap);
    const records: { pid: number; discarded: boolean; time: number }[] = [];
    await runToEnd(kernel, [ringMap], () => {
      const data = ring.data();
      let at = ring.readConsumer();
      while (at < ring.readProducer()) {
        const word = (offset: number) => {
          const start = (at + offset) & (ring.sizeBytes - 1);
          return new DataView(data.buffer, data.byteOffset + start).getUint32(0, true);
        };
        const header = word(0);
        assert.is(header >>> 31, 0, "not busy");
        assert.is(header & 0x3fffffff, 20);
        const time = word(8) + word(12) * 2 ** 32;
        records.push({ pid: word(20), discarded: (header & 0x40000000) !== 0, time });
        assert.is(word(24), 77);
        at += 8 + 24;
      }
      ring.writeConsumer(at);
    });
    const wanted = kernel.groundTruth.exits.map(({ pid, timeNs }) => ({
      pid,
      discarded: pid % 2 === 1,
      time: Number(startNs) + timeNs,
    }));
    assert.equal(records, wanted);
    kernel.shutdown();
  });

  test("stacks are made of kernel symbols, outermost last", async () => {
    const kernel = boot("block-io", engine);
    const buffers = perfBuffers(kernel);
    const program = `
      r6 = r1
      ${Array.from({ length: 32 }, (_, at) => `*(u64 *)(r10 ${-256 + 8 * at}) = 0`).join("\n")}
      r1 = r6
      r2 = r10
      r2 += -256
      r3 = 256
      r4 = 0
      call bpf_get_stack
      ${outputText(buffers.map, -256, 256)}`;
    attach(kernel, kprobe("submit_bio"), load(kernel, program));
    await kernel.wait(buffers.fds, Number.POSITIVE_INFINITY);
    const [sample] = buffers.drain().samples;
    assert.ok(sample);
    const view = new DataView(sample.buffer, sample.byteOffset, sample.length);
    const symbols = text(kernel.readKernelFile("/proc/kallsyms"))
      .trimEnd()
      .split("\n")
      .map((line) => line.split(" "))
      .map(([address, , name]) => ({ address: BigInt(`0x${address}`), name }));
    const names: string[] = [];
    for (let at = 0; at < 256; at += 8) {
      const address = view.getBigUint64(at, true);
      if (address === 0n) break;
      names.push(symbols.findLast((symbol) => symbol.address <= address)?.name ?? "?");
    }
    assert.is(names[0], "submit_bio");
    assert.equal(names.slice(-2), ["do_syscall_64", "entry_SYSCALL_64_after_hwframe"]);
    assert.ok(
      names.some((name) => name.startsWith("__x64_sys_p")),
      names.join(" < "),
    );
    kernel.shutdown();
  });

  test("sampling ticks on every CPU at its rate", async () => {
    const kernel = boot("block-io", engine);
    const map = counters(kernel, 4);
    const byCpu = `
      call bpf_get_smp_processor_id
      *(u32 *)(r10 -4) = r0
      r2 = r10
      r2 += -4
      r1 = map[fd:${map}]
      call bpf_map_lookup_elem
      if r0 == 0 goto done
      r1 = 1
      lock *(u64 *)(r0 +0) += r1
    done:
      r0 = 0
      exit`;
    const program = load(kernel, byCpu, { type: ProgramType.PerfEvent });
    for (const cpu of [0, 2]) {
      const event = kernel.perfEventOpen({ kind: "software", config: 0, sampleFrequencyHz: 50 }, -1, cpu);
      kernel.perfEventSetProgram(event, program);
      kernel.perfEventEnable(event);
    }
    await kernel.wait([], 2000);
    assert.equal(
      [0, 1, 2, 3].map((index) => counter(kernel, map, index)),
      [100, 0, 100, 0],
    );
    kernel.shutdown();
  });

  test("detached, disabled and closed means silent", async () => {
    const kernel = boot("block-io", engine);
    const map = counters(kernel, 3);
    const events = [0, 1, 2].map((index) =>
      attach(kernel, kprobe("submit_bio"), load(kernel, countText(map, index))),
    );
    await kernel.wait([], 1000);
    const half = counter(kernel, map, 0);
    assert.ok(half > 0);
    kernel.close(events[1]!);
    kernel.perfEventDisable(events[2]!);
    await kernel.wait([], Number.POSITIVE_INFINITY);
    const total = kernel.groundTruth.blockIo.length;
    assert.equal(
      [0, 1, 2].map((index) => counter(kernel, map, index)),
      [total, half, half],
    );
    kernel.shutdown();
  });

  test("a program that faults is ended and named; the world goes on", async () => {
    const kernel = boot("block-io", engine);
    const map = counters(kernel);
    attach(
      kernel,
      kprobe("submit_bio"),
      load(kernel, "r1 = 0\nr0 = *(u64 *)(r1 +8)\nexit", { name: "faulty" }),
    );
    attach(kernel, kprobe("submit_bio"), load(kernel, countText(map)));
    let fault: unknown;
    try {
      await kernel.wait([], Number.POSITIVE_INFINITY);
    } catch (error) {
      fault = error;
    }
    assert.instance(fault, BpfkitError);
    assert.match((fault as BpfkitError).message, /faulty.*NULL pointer/);
    assert.is((await kernel.wait([], Number.POSITIVE_INFINITY)).ended, true);
    assert.is(counter(kernel, map), kernel.groundTruth.blockIo.length);
    kernel.shutdown();
  });

  test.run();
}
