/** Helper id to helper; ids as in uapi linux/bpf.h. What is not here is refused at load, by name. */
import type { HelperDefinition, HelperTable } from "./definition.ts";
import { forEachMapElem, loop } from "./loop.ts";
import {
  mapDeleteElem,
  mapLookupElem,
  mapLookupPercpuElem,
  mapPeekElem,
  mapPopElem,
  mapPushElem,
  mapUpdateElem,
} from "./map.ts";
import { perfEventOutput } from "./perf-event.ts";
import { snprintf, tracePrintk, traceVprintk } from "./print.ts";
import {
  copyFromUser,
  probeRead,
  probeReadKernel,
  probeReadKernelStr,
  probeReadStr,
  probeReadUser,
  probeReadUserStr,
} from "./probe-read.ts";
import { ringbufDiscard, ringbufOutput, ringbufQuery, ringbufReserve, ringbufSubmit } from "./ring-buffer.ts";
import { spinLock, spinUnlock } from "./spin-lock.ts";
import { getStack, getStackid } from "./stack-trace.ts";
import { strncmp, strtol, strtoul } from "./string.ts";
import { tailCall } from "./tail-call.ts";
import {
  getAttachCookie,
  getCurrentCgroupId,
  getCurrentComm,
  getCurrentPidTgid,
  getCurrentTask,
  getCurrentTaskBtf,
  getCurrentUidGid,
  getFuncIp,
} from "./task.ts";
import {
  getNumaNodeId,
  getPrandomU32,
  getSmpProcessorId,
  jiffies64,
  ktimeGetBootNs,
  ktimeGetCoarseNs,
  ktimeGetNs,
  ktimeGetTaiNs,
} from "./time.ts";

/** The helpers that the VM has. */
export const standardHelpers: HelperTable = new Map<number, HelperDefinition>([
  [1, mapLookupElem],
  [2, mapUpdateElem],
  [3, mapDeleteElem],
  [4, probeRead],
  [5, ktimeGetNs],
  [6, tracePrintk],
  [7, getPrandomU32],
  [8, getSmpProcessorId],
  [12, tailCall],
  [14, getCurrentPidTgid],
  [15, getCurrentUidGid],
  [16, getCurrentComm],
  [25, perfEventOutput],
  [27, getStackid],
  [35, getCurrentTask],
  [42, getNumaNodeId],
  [45, probeReadStr],
  [67, getStack],
  [80, getCurrentCgroupId],
  [87, mapPushElem],
  [88, mapPopElem],
  [89, mapPeekElem],
  [93, spinLock],
  [94, spinUnlock],
  [105, strtol],
  [106, strtoul],
  [112, probeReadUser],
  [113, probeReadKernel],
  [114, probeReadUserStr],
  [115, probeReadKernelStr],
  [118, jiffies64],
  [125, ktimeGetBootNs],
  [130, ringbufOutput],
  [131, ringbufReserve],
  [132, ringbufSubmit],
  [133, ringbufDiscard],
  [134, ringbufQuery],
  [148, copyFromUser],
  [158, getCurrentTaskBtf],
  [160, ktimeGetCoarseNs],
  [164, forEachMapElem],
  [165, snprintf],
  [173, getFuncIp],
  [174, getAttachCookie],
  [177, traceVprintk],
  [181, loop],
  [182, strncmp],
  [195, mapLookupPercpuElem],
  [208, ktimeGetTaiNs],
]);
