/** One request of rtnetlink and its answer (uapi linux/netlink.h, linux/rtnetlink.h). */
import { ByteWriter } from "@bpfkit/base/bytes";
import { SyscallError } from "@bpfkit/base/diagnostics";
import { rawSyscall, syscall } from "./ffi.ts";

const family = 16;
const rawSocket = 3;
const closeOnExec = 0o2000000;
const dontWait = 0x40;

/** NLM_F_*. */
export const RequestFlag = { Request: 1, Ack: 4, Replace: 0x100, Exclusive: 0x200, Create: 0x400 } as const;

const headerSize = 16;
const errorMessage = 2;
const answerRoom = 8192;
/** SOL_NETLINK; NETLINK_EXT_ACK and NETLINK_CAP_ACK: errors in words, without the request. */
const level = 270;
const extendedAck = 11;
const cappedAck = 10;
/** NLM_F_ACK_TLVS, NLMSGERR_ATTR_MSG. */
const hasAttributes = 0x200;
const messageAttribute = 1;

/** An attribute: bytes, a 32-bit number, text, or attributes inside. */
export type Attribute = readonly [type: number, value: Uint8Array | number | string | readonly Attribute[]];

const nested = 0x8000;

function writeAttribute(writer: ByteWriter, [type, value]: Attribute): void {
  const body = new ByteWriter();
  if (typeof value === "number") body.u32(value);
  else if (typeof value === "string") body.bytes(new TextEncoder().encode(`${value}\0`));
  else if (value instanceof Uint8Array) body.bytes(value);
  else for (const inner of value) writeAttribute(body, inner);
  const bytes = body.finish();
  const isNested = Array.isArray(value);
  writer.u16(bytes.length + 4);
  writer.u16(isNested ? type | nested : type);
  writer.bytes(bytes);
  while (writer.length % 4 !== 0) writer.u8(0);
}

/**
 * Sends a request and waits for its acknowledgement, which the kernel queues before the sending call returns.
 * @param what names the request in errors
 * @throws SyscallError with the kernel's own words as detail where it gives any
 */
export function netlinkRequest(
  what: string,
  request: { readonly type: number; readonly flags: number; readonly body: Uint8Array },
  attributes: readonly Attribute[],
): void {
  const payload = new ByteWriter();
  payload.bytes(request.body);
  while (payload.length % 4 !== 0) payload.u8(0);
  for (const attribute of attributes) writeAttribute(payload, attribute);
  const body = payload.finish();
  const message = new ByteWriter();
  message.u32(headerSize + body.length);
  message.u16(request.type);
  message.u16(request.flags | RequestFlag.Request | RequestFlag.Ack);
  message.u32(1);
  message.u32(0);
  message.bytes(body);
  const socket = syscall("socket", "socket", family, rawSocket | closeOnExec, 0);
  try {
    const on = Uint8Array.of(1, 0, 0, 0);
    rawSyscall("setsockopt", socket, level, extendedAck, on, 4);
    rawSyscall("setsockopt", socket, level, cappedAck, on, 4);
    const bytes = message.finish();
    syscall(what, "sendto", socket, bytes, bytes.length, 0, 0, 0);
    const answer = new Uint8Array(answerRoom);
    const length = syscall(what, "recvfrom", socket, answer, answer.length, dontWait, 0, 0);
    throwError(what, answer.subarray(0, length));
  } finally {
    rawSyscall("close", socket);
  }
}

function throwError(what: string, answer: Uint8Array): void {
  const view = new DataView(answer.buffer, answer.byteOffset, answer.byteLength);
  if (answer.length < headerSize + 4 || view.getUint16(4, true) !== errorMessage) return;
  const errno = -view.getInt32(headerSize, true);
  if (errno === 0) return;
  // Behind the error number the header of the request, then attributes.
  let detail: string | undefined;
  if ((view.getUint16(6, true) & hasAttributes) !== 0) {
    for (let at = headerSize + 4 + headerSize; at + 4 <= answer.length; ) {
      const size = view.getUint16(at, true);
      if (size < 4) break;
      if (view.getUint16(at + 2, true) === messageAttribute) {
        detail = new TextDecoder().decode(answer.subarray(at + 4, at + size - 1));
      }
      at += (size + 3) & ~3;
    }
  }
  throw new SyscallError(what, errno, detail === undefined ? {} : { detail });
}
