/** One I/O through the block layer: submitted, queued, issued to the driver, completed by an interrupt. */
import type { Cpu } from "../cpu.ts";
import { BlockRequest, type RequestDescription } from "../objects/block-structs.ts";
import type { Simulation } from "../simulation.ts";
import type { RecordValues } from "../tracepoints.ts";

/** An I/O and its two durations. */
export interface BlockIoRequest extends RequestDescription {
  /** From queueing to the driver, ns; 0 for direct dispatch by the submitting task. */
  readonly queuedNs: number;
  /** From the driver to completion, ns. */
  readonly serviceNs: number;
}

/** What stands above the block layer's own functions on the stack. */
const WorkerFrames = ["blk_mq_run_work_fn", "blk_mq_sched_dispatch_requests", "blk_mq_dispatch_rq_list"];
const InterruptFrames = ["asm_common_interrupt", "common_interrupt", "handle_irq_event"];

/** Functions of the two drivers: taking a request, and completing it. */
const Driver = {
  nvme: { queue: "nvme_queue_rq", interrupt: ["nvme_irq"] },
  scsi: { queue: "scsi_queue_rq", interrupt: ["blk_done_softirq", "scsi_io_completion", "scsi_end_request"] },
} as const;

/**
 * Sends an I/O on its way from the running task. Events happen at now, now + queuedNs and now + queuedNs + serviceNs;
 * `completed` is called in the interrupt at the end.
 */
export function submitBlockIo(simulation: Simulation, io: BlockIoRequest, completed?: () => void): void {
  const { world, tracer } = simulation;
  const request = new BlockRequest(world.objects, io);
  const { nowNs } = world.clock;
  const submitter = world.cpu;
  request.queuedNs = nowNs;
  const bio = () => [request.bioAddress];
  tracer.enter("submit_bio", bio);
  tracer.enter("submit_bio_noacct", bio);
  tracer.tracepoint("block/block_bio_queue", () => bioRecord(simulation, request), bio);
  tracer.enter("blk_mq_submit_bio", bio);
  queueRequest(simulation, request, io.queuedNs > 0);
  const issue = () => {
    issueRequest(simulation, request);
    world.queue.schedule(world.clock.nowNs + io.serviceNs, () => {
      completeRequest(simulation, request, submitter);
      completed?.();
    });
  };
  if (io.queuedNs === 0) {
    issue();
  } else {
    simulation.scheduler.runInThread(nowNs + io.queuedNs, simulation.worker(submitter.index), () => {
      tracer.within(WorkerFrames, issue);
    });
  }
  for (let left = 3; left > 0; left--) tracer.leave();
}

/** The request is made and, unless the driver takes it at once, put into the scheduler's queue. */
function queueRequest(simulation: Simulation, request: BlockRequest, isInserted: boolean): void {
  const { tracer } = simulation;
  const { disk } = request.description;
  const rq = () => [request.requestAddress];
  tracer.tracepoint(
    "block/block_getrq",
    () => bioRecord(simulation, request),
    () => [request.bioAddress],
  );
  // Inlined or not, by version: those that the kernel does not have cannot be attached to.
  tracer.call("blk_account_io_start", rq);
  tracer.call("__blk_account_io_start", rq);
  tracer.tracepoint("block/block_io_start", () => requestRecord(simulation, request), rq);
  if (!isInserted) return;
  tracer.enter("blk_mq_sched_insert_request", () => [request.requestAddress, 0n, 1n, 0n]);
  if (disk.description.driver === "scsi") tracer.enter("dd_insert_requests", () => [0n, 0n, 0n]);
  tracer.tracepoint("block/block_rq_insert", () => requestRecord(simulation, request), rq);
  if (disk.description.driver === "scsi") tracer.leave();
  tracer.leave();
}

/** The driver takes the request. */
function issueRequest(simulation: Simulation, request: BlockRequest): void {
  const { tracer, world } = simulation;
  const rq = () => [request.requestAddress];
  tracer.enter(Driver[request.description.disk.description.driver].queue, () => [0n, 0n]);
  tracer.call("blk_mq_start_request", rq, () => {
    tracer.tracepoint("block/block_rq_issue", () => requestRecord(simulation, request), rq);
    request.started(world.clock.nowNs);
    tracer.call("blk_add_timer", rq);
    return 0;
  });
  tracer.leave();
}

/** The device is done: an interrupt on the CPU that submitted. */
function completeRequest(simulation: Simulation, request: BlockRequest, cpu: Cpu): void {
  const { tracer } = simulation;
  const { driver } = request.description.disk.description;
  const frames = [...InterruptFrames, ...Driver[driver].interrupt];
  tracer.interrupt(cpu, frames, () => {
    if (driver === "nvme") completeInBatch(simulation, request);
    else completeAlone(simulation, request);
  });
  request.release();
}

/** As nvme does it: requests are ended in a batch, which bypasses blk_update_request. */
function completeInBatch(simulation: Simulation, request: BlockRequest): void {
  const { tracer } = simulation;
  tracer.call("blk_mq_end_request_batch", undefined, () => {
    dataTransferred(simulation, request);
    accountDone(simulation, request);
    return 0;
  });
}

/** As SCSI does it. */
function completeAlone(simulation: Simulation, request: BlockRequest): void {
  const { tracer } = simulation;
  const rq = () => [request.requestAddress];
  tracer.call(
    "blk_update_request",
    () => [request.requestAddress, 0n, BigInt(request.description.bytes)],
    () => {
      dataTransferred(simulation, request);
      return 0;
    },
  );
  accountDone(simulation, request);
  tracer.call("blk_mq_free_request", rq);
}

function dataTransferred(simulation: Simulation, request: BlockRequest): void {
  const { tracer } = simulation;
  const { bytes } = request.description;
  tracer.tracepoint(
    "block/block_rq_complete",
    () => completionRecord(request),
    () => [request.requestAddress, 0n, BigInt(bytes)],
  );
  if (bytes === 0) return;
  tracer.call(
    "bio_endio",
    () => [request.bioAddress],
    () => {
      tracer.tracepoint(
        "block/block_bio_complete",
        () => ({ ...place(request), error: 0, rwbs: request.rwbs }),
        () => [request.description.disk.structs.queue.address, request.bioAddress],
      );
      return 0;
    },
  );
  request.transferred();
}

function accountDone(simulation: Simulation, request: BlockRequest): void {
  const { tracer, world } = simulation;
  const args = () => [request.requestAddress, BigInt(world.clock.nowNs)];
  tracer.tracepoint("block/block_io_done", () => requestRecord(simulation, request), args);
  tracer.call("blk_account_io_done", args);
  // The out-of-line half, where there is one, is not called for the flush machinery's own requests.
  if (request.description.operation !== "flush") tracer.call("__blk_account_io_done", args);
}

function place(request: BlockRequest): Record<string, number> {
  const { disk, sector } = request.description;
  return { dev: disk.device, sector, nr_sector: request.sectors };
}

function bioRecord(simulation: Simulation, request: BlockRequest): RecordValues {
  return { ...place(request), rwbs: request.rwbs, comm: simulation.world.cpu.current.comm };
}

function requestRecord(simulation: Simulation, request: BlockRequest): RecordValues {
  const { bytes } = request.description;
  const { comm } = simulation.world.cpu.current;
  return { ...place(request), bytes, rwbs: request.rwbs, comm, cmd: "" };
}

function completionRecord(request: BlockRequest): RecordValues {
  return { ...place(request), error: 0, rwbs: request.rwbs, cmd: "" };
}
