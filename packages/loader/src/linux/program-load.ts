/** BPF_PROG_LOAD and BPF_BTF_LOAD, with the verifier's log where they are refused. */
import { Command, Errno } from "@bpfkit/base/abi";
import { SyscallError } from "@bpfkit/base/diagnostics";
import { type ProgramLoadAttributes, VerifierRejection } from "@bpfkit/base/kernel";
import { kernelVersionCode } from "../relocate/externs.ts";
import { addressOf, rawSyscall } from "./ffi.ts";
import { btfLoadAttr, programLoadAttr } from "./structs.ts";

const slotSize = 8;
/** struct bpf_func_info, struct bpf_line_info. */
const funcInfoSize = 8;
const lineInfoSize = 16;

/** Most logs fit; allocating more for every refusal would cost more than the refused load itself. */
const firstLogSize = 1 << 16;
const logGrowth = 256;
/** Enough to explain a refusal; a whole log that was asked for may be longer. */
const explainingLogSize = 1 << 24;
const largestLogSize = 1 << 26;
/** BPF_LOG_STATS alone (Linux 5.2): only what the verifier complains of and its statistics. */
const complaintsOnly = 4;

/** The verifier gives up with EAGAIN when a signal is pending. */
const mostAttempts = 5;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Loads a program; a refused one is loaded again for its log.
 * @returns the descriptor
 * @throws SyscallError whose cause is a {@link VerifierRejection} where there is a log
 */
export function loadProgram(attributes: ProgramLoadAttributes, release: string): number {
  const { logLevel, onLog } = attributes;
  if (logLevel === 0) {
    const result = attempt(attributes, release, undefined);
    if (result >= 0) return result;
  }
  const largest = logLevel === 0 ? explainingLogSize : largestLogSize;
  const logged = { ...attributes, logLevel: Math.max(1, logLevel) };
  for (let size = firstLogSize; ; size = Math.min(size * logGrowth, largest)) {
    const log = new Uint8Array(size);
    const result = attempt(logged, release, log);
    if (result >= 0) {
      onLog?.(textOf(log));
      return result;
    }
    const isCut = result === -Errno.ENOSPC;
    // Since Linux 6.4 a log that is too long for its room loses its beginning, not its end, which is what explains.
    if (isCut && size < largest && !(logLevel === 0 && hasEnd(log))) continue;
    if (!isCut || hasEnd(log))
      throw refusal("BPF_PROG_LOAD", refusedErrno(attributes, release, -result), log);
    const short = new Uint8Array(firstLogSize);
    const again = attempt({ ...attributes, logLevel: complaintsOnly }, release, short);
    throw refusal("BPF_PROG_LOAD", again < 0 ? -again : -result, withLoop(log, short));
  }
}

/**
 * What the verifier complains of, for too many steps with the end of the long log before it: wherever that is cut off, it
 * goes through the loop. Of other complaints the place is not known then.
 */
function withLoop(long: Uint8Array, short: Uint8Array): Uint8Array {
  if (!/program is too large|jumps is too complex/.test(textOf(short))) return short;
  const lines = textOf(long).slice(-firstLogSize).split("\n").slice(1, -1);
  return encoder.encode(`${lines.join("\n")}\n${textOf(short)}`);
}

/** The error without a log: with one that did not fit it is ENOSPC, whatever was wrong. */
function refusedErrno(attributes: ProgramLoadAttributes, release: string, errno: number): number {
  if (errno !== Errno.ENOSPC) return errno;
  const result = attempt({ ...attributes, logLevel: 0 }, release, undefined);
  return result < 0 ? -result : errno;
}

/** Whether a log holds its last line, the statistics. */
function hasEnd(log: Uint8Array): boolean {
  return /\nprocessed \d+ insns/.test(textOf(log).slice(-1000));
}

function textOf(log: Uint8Array): string {
  const end = log.indexOf(0);
  return decoder.decode(end === -1 ? log : log.subarray(0, end));
}

function attempt(attributes: ProgramLoadAttributes, release: string, log: Uint8Array | undefined): number {
  const { instructions, funcInfo, lineInfo } = attributes;
  const fdArray =
    attributes.fdArray === undefined ? undefined : new Uint8Array(Int32Array.from(attributes.fdArray).buffer);
  const bytes = programLoadAttr.encode(
    {
      programType: attributes.type,
      instructionCount: instructions.length / slotSize,
      instructions,
      license: encoder.encode(`${attributes.license}\0`),
      logLevel: log === undefined ? 0 : attributes.logLevel,
      logSize: log?.length,
      logBuffer: log,
      kernelVersion: kernelVersionCode(release),
      name: attributes.name,
      expectedAttachType: attributes.expectedAttachType,
      btfFd: attributes.btf,
      funcInfoRecordSize: funcInfo === undefined ? undefined : funcInfoSize,
      funcInfo,
      funcInfoCount: funcInfo === undefined ? undefined : funcInfo.length / funcInfoSize,
      lineInfoRecordSize: lineInfo === undefined ? undefined : lineInfoSize,
      lineInfo,
      lineInfoCount: lineInfo === undefined ? undefined : lineInfo.length / lineInfoSize,
      attachBtfId: attributes.attachBtfId,
      attachBtfFd: attributes.attachProgram ?? attributes.attachBtf,
      flags: attributes.flags,
      fdArray,
    },
    addressOf,
  );
  let result = -Errno.EAGAIN as number;
  for (let tries = 0; result === -Errno.EAGAIN && tries < mostAttempts; tries++) {
    result = rawSyscall("bpf", Command.ProgLoad, bytes, bytes.length);
  }
  return result;
}

/** Gives types to the kernel and returns the descriptor. @throws SyscallError with the kernel's complaint as detail */
export function loadBtf(btf: Uint8Array): number {
  const attributes = btfLoadAttr.encode({ btf, btfSize: btf.length }, addressOf);
  const result = rawSyscall("bpf", Command.BtfLoad, attributes, attributes.length);
  if (result >= 0) return result;
  const log = new Uint8Array(firstLogSize);
  const logged = btfLoadAttr.encode(
    { btf, btfSize: btf.length, logBuffer: log, logSize: log.length, logLevel: 1 },
    addressOf,
  );
  const again = rawSyscall("bpf", Command.BtfLoad, logged, logged.length);
  if (again >= 0) return again;
  throw refusal("BPF_BTF_LOAD", -again, log);
}

function refusal(command: string, errno: number, log: Uint8Array): SyscallError {
  const text = textOf(log);
  if (text === "") return new SyscallError(command, errno);
  return new SyscallError(command, errno, { cause: new VerifierRejection(text) });
}
