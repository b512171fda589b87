/** Disks, block requests and bios as the kernel lays them out; structs are made when a probe first looks. */
import type { KernelObject, KernelObjects } from "./kernel-object.ts";

/** A disk of the simulated machine. */
export interface DiskDescription {
  /** As in /dev: `nvme0n1`, `sda`. */
  readonly name: string;
  readonly major: number;
  readonly firstMinor: number;
  readonly sectors: number;
  /** Which driver's functions its requests go through. */
  readonly driver: "nvme" | "scsi";
}

/** Bits of `bio.bi_opf` and `request.cmd_flags` (kernel include/linux/blk_types.h, 6.1). */
export const RequestOperation = { read: 0, write: 1, flush: 2, discard: 3, writeZeroes: 9 } as const;

/** Flags above the eight bits of the operation, in 6.1's order. */
export const RequestFlag = {
  failfastDev: 1 << 8,
  sync: 1 << 11,
  meta: 1 << 12,
  prio: 1 << 13,
  idle: 1 << 15,
  fua: 1 << 17,
  preflush: 1 << 18,
  readAhead: 1 << 19,
  background: 1 << 20,
} as const;

/** Request flags as {@link RequestDescription.flags} names them. */
export type RequestFlagName = keyof typeof RequestFlag;

/** What one request does. */
export interface RequestDescription {
  readonly disk: Disk;
  readonly operation: keyof typeof RequestOperation;
  readonly flags: readonly RequestFlagName[];
  readonly sector: number;
  readonly bytes: number;
}

const SectorSize = 512;
/** RQF_STARTED and RQF_IO_STAT: accounted requests. */
const RequestInternalFlags = (1 << 1) | (1 << 13);
const QueueDepth = 256;

/** A disk; its gendisk, request_queue and block_device are made together. */
export class Disk {
  readonly description: DiskDescription;
  readonly #objects: KernelObjects;
  #structs:
    | { readonly disk: KernelObject; readonly queue: KernelObject; readonly part: KernelObject }
    | undefined;
  #nextTag = 0;

  constructor(objects: KernelObjects, description: DiskDescription) {
    this.#objects = objects;
    this.description = description;
  }

  get name(): string {
    return this.description.name;
  }

  /** `dev_t` inside the kernel: major << 20 | minor. */
  get device(): number {
    return ((this.description.major << 20) | this.description.firstMinor) >>> 0;
  }

  get structs(): { readonly disk: KernelObject; readonly queue: KernelObject; readonly part: KernelObject } {
    this.#structs ??= this.#layOut();
    return this.#structs;
  }

  takeTag(): number {
    this.#nextTag = (this.#nextTag + 1) % QueueDepth;
    return this.#nextTag;
  }

  #layOut(): { readonly disk: KernelObject; readonly queue: KernelObject; readonly part: KernelObject } {
    const { name, major, firstMinor, sectors } = this.description;
    const disk = this.#objects.create("gendisk");
    const queue = this.#objects.create("request_queue");
    const part = this.#objects.create("block_device");
    disk.set({
      major,
      first_minor: firstMinor,
      minors: 16,
      disk_name: name,
      part0: part.address,
      queue: queue.address,
      node_id: 0,
    });
    queue.set({
      disk: disk.address,
      nr_requests: QueueDepth,
      queue_depth: QueueDepth,
      nr_hw_queues: 1,
      "limits.logical_block_size": SectorSize,
      "limits.physical_block_size": 4096,
      "limits.max_sectors": 2560,
    });
    part.set({
      bd_dev: this.device,
      bd_disk: disk.address,
      bd_queue: queue.address,
      bd_nr_sectors: sectors,
      bd_start_sect: 0,
      bd_partno: 0,
    });
    return { disk, queue, part };
  }
}

/** One I/O on its way through the block layer: a bio and the request it becomes. */
export class BlockRequest {
  readonly description: RequestDescription;
  readonly #objects: KernelObjects;
  #bio: KernelObject | undefined;
  #request: KernelObject | undefined;
  /** CLOCK_MONOTONIC ns when it was queued and when the driver got it; 0 until then. */
  queuedNs = 0;
  issuedNs = 0;
  readonly #tag: number;

  constructor(objects: KernelObjects, description: RequestDescription) {
    this.#objects = objects;
    this.description = description;
    this.#tag = description.disk.takeTag();
  }

  /** `cmd_flags`. */
  get commandFlags(): number {
    const { operation, flags } = this.description;
    return flags.reduce<number>((bits, flag) => bits | RequestFlag[flag], RequestOperation[operation]);
  }

  /** Sectors of 512 bytes. */
  get sectors(): number {
    return this.description.bytes / SectorSize;
  }

  /** The kernel's short form of operation and flags, as tracepoints give it (`R`, `WS`, `FF`...). */
  get rwbs(): string {
    const { operation, flags } = this.description;
    const has = (flag: RequestFlagName) => flags.includes(flag);
    const letters = { read: "R", write: "W", flush: "F", discard: "D", writeZeroes: "N" } as const;
    return [
      has("preflush") ? "F" : "",
      letters[operation],
      has("fua") ? "F" : "",
      has("readAhead") ? "A" : "",
      has("sync") ? "S" : "",
      has("meta") ? "M" : "",
    ].join("");
  }

  /** Address of the `struct bio`. */
  get bioAddress(): bigint {
    return this.#layOutBio().address;
  }

  /** Address of the `struct request`. */
  get requestAddress(): bigint {
    return this.#layOutRequest().address;
  }

  /** The driver has it: what blk_mq_start_request writes. */
  started(nowNs: number): void {
    this.issuedNs = nowNs;
    this.#request?.set({ io_start_time_ns: nowNs, state: 1, stats_sectors: this.sectors });
  }

  /** All data is transferred: the kernel counts the bytes that are left down to zero. */
  transferred(): void {
    this.#request?.set({ state: 2, __data_len: 0, bio: 0n });
    this.#bio?.set({ "bi_iter.bi_size": 0 });
  }

  /** Memory goes back; later requests reuse it, as the kernel's tag sets do. */
  release(): void {
    this.#request?.release();
    this.#bio?.release();
    this.#request = undefined;
    this.#bio = undefined;
  }

  #layOutBio(): KernelObject {
    if (this.#bio !== undefined) return this.#bio;
    const { disk, sector, bytes } = this.description;
    const { part } = disk.structs;
    this.#bio = this.#objects.create("bio").set({
      bi_bdev: part.address,
      bi_disk: disk.structs.disk.address,
      bi_opf: this.commandFlags,
      "bi_iter.bi_sector": sector,
      "bi_iter.bi_size": bytes,
      bi_vcnt: Math.ceil(bytes / 4096),
      "__bi_cnt.counter": 1,
    });
    return this.#bio;
  }

  #layOutRequest(): KernelObject {
    if (this.#request !== undefined) return this.#request;
    const { disk, sector, bytes } = this.description;
    const bio = bytes === 0 ? 0n : this.bioAddress;
    this.#request = this.#objects.create("request").set({
      q: disk.structs.queue.address,
      rq_disk: disk.structs.disk.address,
      part: disk.structs.part.address,
      cmd_flags: this.commandFlags,
      rq_flags: RequestInternalFlags,
      tag: this.#tag,
      internal_tag: -1,
      __data_len: bytes,
      __sector: sector,
      bio,
      biotail: bio,
      start_time_ns: this.queuedNs,
      io_start_time_ns: this.issuedNs,
      nr_phys_segments: Math.max(1, Math.ceil(bytes / 4096)),
      stats_sectors: this.sectors,
      "ref.counter": 1,
      state: this.issuedNs === 0 ? 0 : 1,
    });
    return this.#request;
  }
}
