/** Reads, writes, flushes and discards of whole disks: system calls down to the block layer. */

import type { OpenFile, Task } from "../objects/task.ts";
import { once } from "../once.ts";
import type { Activity } from "../scheduler.ts";
import type { Simulation } from "../simulation.ts";
import type { SystemCallName } from "../system-call-numbers.ts";
import { type BlockIoRequest, submitBlockIo } from "./block-io.ts";
import { fileAddress, fileStruct } from "./open.ts";
import { systemCall } from "./system-call.ts";

/** How a task asks for an I/O. Kernel threads submit without a system call. */
export type IoCall = "pread64" | "pwrite64" | "fsync" | "ioctl" | "kernel";

/** Descriptor that workloads have their disk open on. */
const DiskFd = 3;
/** BLKDISCARD. */
const DiscardRequest = 0x1277n;

/** Calls between the system call and submit_bio, outermost first; the first takes the file. */
const Above: Readonly<Record<Exclude<IoCall, "kernel">, readonly string[]>> = {
  pread64: ["vfs_read", "blkdev_read_iter", "blkdev_direct_IO"],
  pwrite64: ["vfs_write", "blkdev_write_iter", "generic_file_direct_write", "blkdev_direct_IO"],
  fsync: ["vfs_fsync_range", "blkdev_fsync", "blkdev_issue_flush", "submit_bio_wait"],
  ioctl: ["blkdev_ioctl", "blkdev_issue_discard", "submit_bio_wait"],
};

/** A read or write of an open file that the page cache answers. */
export interface FileTransfer {
  readonly call: "read" | "write";
  readonly fd: number;
  /** What the caller asks for, bytes. */
  readonly count: number;
  /** Bytes moved. */
  readonly result: number;
  /** Time in the kernel, ns. */
  readonly durationNs: number;
}

const CacheFunctions = {
  read: ["ksys_read", "vfs_read", "ext4_file_read_iter", "generic_file_read_iter"],
  write: ["ksys_write", "vfs_write", "ext4_file_write_iter"],
} as const;

/** Reads or writes an open file without any block I/O. The result is the number of bytes, or -EBADF. */
export function transfer(simulation: Simulation, task: Task, request: FileTransfer): Activity<bigint> {
  const { tracer } = simulation;
  const { call, fd, count, durationNs } = request;
  const buffer = once(() => task.image?.bytes(new Uint8Array(64)) ?? 0n);
  const args = () => [BigInt(fd), buffer(), BigInt(count)];
  return systemCall(simulation, task, call, args, function* () {
    const file = task.files.get(fd);
    if (file === undefined) return -9n;
    const [above, inner, ...below] = CacheFunctions[call];
    tracer.enter(above, args);
    tracer.enter(inner, () => {
      const struct = fileStruct(simulation, file);
      return [struct.address, buffer(), BigInt(count), struct.addressOf("f_pos")];
    });
    for (const name of below) tracer.enter(name);
    yield { kind: "run", ns: durationNs };
    const result = BigInt(request.result);
    for (let left = below.length + 2; left > 0; left--) tracer.leave(result);
    return result;
  });
}

/** Does one I/O on a disk and waits for it. Takes no time but the I/O's own. */
export function* diskIo(simulation: Simulation, task: Task, call: IoCall, io: BlockIoRequest): Activity {
  if (call === "kernel") {
    yield* submitAndWait(simulation, io);
    return;
  }
  const file = diskFile(simulation, task, io);
  const position = BigInt(io.sector) * 512n;
  const buffer = once(() => task.image?.bytes(new Uint8Array(64)) ?? 0n);
  const args = () => {
    const fd = BigInt(DiskFd);
    if (call === "fsync") return [fd];
    if (call === "ioctl") return [fd, DiscardRequest, buffer()];
    return [fd, buffer(), BigInt(io.bytes), position];
  };
  yield* systemCall(simulation, task, call satisfies SystemCallName, args, function* () {
    const { tracer } = simulation;
    const names = Above[call];
    const result = call === "pread64" || call === "pwrite64" ? BigInt(io.bytes) : 0n;
    names.forEach((name, depth) => {
      tracer.enter(
        name,
        depth === 0 ? () => [fileAddress(simulation, file), buffer(), BigInt(io.bytes), 0n] : undefined,
      );
    });
    yield* submitAndWait(simulation, io);
    for (let left = names.length; left > 0; left--) tracer.leave(result);
    return result;
  });
}

/** Waits in uninterruptible sleep, as direct I/O does. */
function* submitAndWait(simulation: Simulation, io: BlockIoRequest): Activity {
  yield {
    kind: "wait",
    state: "blocked",
    arm: (wake) => {
      submitBlockIo(simulation, io, wake);
    },
  };
}

function diskFile(simulation: Simulation, task: Task, io: BlockIoRequest): OpenFile {
  let file = task.files.get(DiskFd);
  if (file === undefined) {
    const node = simulation.world.files.add(`/dev/${io.disk.name}`, { mode: 0o060660 });
    file = { node, flags: 0o40002, struct: undefined };
    task.files.set(DiskFd, file);
  }
  return file;
}
