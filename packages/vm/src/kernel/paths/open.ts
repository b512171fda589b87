/** open(2) and its relatives, and close(2). */

import type { KernelObject } from "../objects/kernel-object.ts";
import type { OpenFile, Task } from "../objects/task.ts";
import { once } from "../once.ts";
import type { Activity } from "../scheduler.ts";
import type { Simulation } from "../simulation.ts";
import { systemCall } from "./system-call.ts";

/** Which of the four calls. */
export type OpenCallName = "open" | "openat" | "openat2" | "creat";

/** One call that opens a file. */
export interface OpenRequest {
  readonly call: OpenCallName;
  readonly path: string;
  /** As open(2); creat(2) has its own. */
  readonly flags: number;
  readonly mode: number;
  /** Positive errno it ends with; 0 for success. */
  readonly errno: number;
  /** Time in the kernel, ns. */
  readonly durationNs: number;
}

/** Current-directory descriptor of the *at calls, as an unsigned register. */
const AtCurrentDirectory = BigInt.asUintN(64, -100n);
const LargestFd = 1024;
const EACCES = 13;

/** Opens a file; the result is the new descriptor or -errno. */
export function openFile(simulation: Simulation, task: Task, request: OpenRequest): Activity<bigint> {
  const path = once(() => task.image?.string(request.path) ?? 0n);
  const flags = BigInt(request.flags);
  const mode = BigInt(request.mode);
  const args = () => {
    switch (request.call) {
      case "open":
        return [path(), flags, mode];
      case "creat":
        return [path(), mode];
      case "openat":
        return [AtCurrentDirectory, path(), flags, mode];
      case "openat2": {
        const how = new BigUint64Array([flags, mode, 0n]);
        return [AtCurrentDirectory, path(), task.image?.bytes(new Uint8Array(how.buffer)) ?? 0n, 24n];
      }
    }
  };
  return systemCall(simulation, task, request.call, args, () =>
    openInKernel(simulation, task, request, path),
  );
}

function* openInKernel(
  simulation: Simulation,
  task: Task,
  request: OpenRequest,
  path: () => bigint,
): Activity<bigint> {
  const { tracer, world } = simulation;
  const temporary: KernelObject[] = [];
  const make = (struct: string, fields: Readonly<Record<string, bigint | number>>) => {
    const object = world.objects.create(struct).set(fields);
    temporary.push(object);
    return object.address;
  };
  const how = once(() => make("open_how", { flags: request.flags, mode: request.mode }));
  const filename = once(() => make("filename", { name: kernelName(), uptr: path(), refcnt: 1 }));
  const kernelName = once(() => world.objects.string(request.path));
  tracer.enter("do_sys_openat2", () => [AtCurrentDirectory, path(), how()]);
  tracer.call(
    "getname",
    () => [path()],
    () => {
      tracer.call("getname_flags", () => [path(), 0n, 0n]);
      return 0;
    },
  );
  tracer.enter("do_filp_open", () => [AtCurrentDirectory, filename(), 0n]);
  tracer.enter("path_openat");
  yield { kind: "run", ns: request.durationNs };
  const file = request.errno === 0 ? openedFile(simulation, request) : undefined;
  if (file !== undefined) openInode(simulation, file);
  if (request.errno === EACCES)
    tracer.call(
      "may_open",
      () => [],
      () => -EACCES,
    );
  const struct = () => [file === undefined ? BigInt(-request.errno) : fileAddress(simulation, file)];
  const pointer = returnsPointer(simulation, file, request.errno);
  tracer.leave(pointer());
  tracer.leave(pointer());
  let result = BigInt(-request.errno);
  if (file !== undefined) {
    const fd = lowestFd(task);
    task.files.set(fd, file);
    tracer.call("fd_install", () => [BigInt(fd), ...struct()]);
    result = BigInt(fd);
  }
  tracer.leave(result);
  for (const object of temporary) object.release();
  return result;
}

/** The result of functions that return a `struct file *`; laid out only if a return probe is near. */
function returnsPointer(simulation: Simulation, file: OpenFile | undefined, errno: number): () => bigint {
  const { probes } = simulation.world;
  return () => {
    if (file === undefined) return BigInt(-errno);
    const isWatched = ["path_openat", "do_filp_open"].some((name) => probes.onFunction(name) !== undefined);
    return isWatched ? fileAddress(simulation, file) : 0n;
  };
}

function openedFile(simulation: Simulation, request: OpenRequest): OpenFile {
  const node = simulation.world.files.add(request.path);
  return { node, flags: request.flags, struct: undefined };
}

function openInode(simulation: Simulation, file: OpenFile): void {
  const { tracer, world } = simulation;
  const args = () => {
    const struct = fileStruct(simulation, file);
    return [struct.addressOf("f_path"), struct.address];
  };
  tracer.call("vfs_open", args, () => {
    tracer.call(
      "do_dentry_open",
      () => [fileAddress(simulation, file), world.files.inodeAddress(world.files.dentry(file.node))],
      () => {
        tracer.call("security_file_open", () => [fileAddress(simulation, file)]);
        return 0;
      },
    );
    return 0;
  });
}

/** The `struct file` of an open file. */
export function fileStruct(simulation: Simulation, file: OpenFile): KernelObject {
  file.struct ??= simulation.world.files.openFile(file.node, file.flags);
  return file.struct;
}

/** Address of the `struct file` of an open file. */
export function fileAddress(simulation: Simulation, file: OpenFile): bigint {
  return fileStruct(simulation, file).address;
}

/** Closes a descriptor. */
export function closeFile(simulation: Simulation, task: Task, fd: number): Activity<bigint> {
  return systemCall(
    simulation,
    task,
    "close",
    () => [BigInt(fd)],
    function* () {
      const file = task.files.get(fd);
      if (file === undefined) return -9n;
      task.files.delete(fd);
      simulation.tracer.call("filp_close", () => [fileAddress(simulation, file), 0n]);
      yield { kind: "run", ns: 700 };
      simulation.tracer.call("__fput", () => [fileAddress(simulation, file)]);
      file.struct?.release();
      return 0n;
    },
  );
}

function lowestFd(task: Task): number {
  for (let fd = 3; fd < LargestFd; fd++) if (!task.files.has(fd)) return fd;
  return LargestFd;
}
