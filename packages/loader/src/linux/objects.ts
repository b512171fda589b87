/** Objects of the whole kernel: walking ids, opening, asking what they are, pinning. */
import { mkdirSync, readlinkSync, unlinkSync } from "node:fs";
import { dirname } from "node:path";
import { Command, Errno } from "@bpfkit/base/abi";
import { SyscallError } from "@bpfkit/base/diagnostics";
import type {
  BpfObjectKind,
  BpfObjects,
  BtfInfo,
  Fd,
  LinkInfo,
  ProgramCode,
  ProgramInfo,
} from "@bpfkit/base/kernel";
import { bpf } from "./bpf.ts";
import type { Descriptors } from "./descriptors.ts";
import { addressOf } from "./ffi.ts";
import { linkInfoOf } from "./link-info.ts";
import { btfInfo, idAttr, linkInfo, pinAttr, programInfo } from "./object-structs.ts";
import { notPermitted } from "./privileges.ts";
import { infoAttr } from "./structs.ts";

const commands = {
  program: { next: Command.ProgGetNextId, open: Command.ProgGetFdById, name: "PROG" },
  map: { next: Command.MapGetNextId, open: Command.MapGetFdById, name: "MAP" },
  btf: { next: Command.BtfGetNextId, open: Command.BtfGetFdById, name: "BTF" },
  link: { next: Command.LinkGetNextId, open: Command.LinkGetFdById, name: "LINK" },
} as const satisfies Record<BpfObjectKind, { next: number; open: number; name: string }>;

/** Where the links of /proc/self/fd point for descriptors of bpf(2). */
const fileNames: Readonly<Record<string, BpfObjectKind>> = {
  "anon_inode:bpf-prog": "program",
  "anon_inode:bpf-map": "map",
  "anon_inode:btf": "btf",
  "anon_inode:bpf_link": "link",
  "anon_inode:bpf-link": "link",
};

const longestName = 128;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** BPF_OBJ_GET_INFO_BY_FD into `info`, which may hold addresses to be filled. */
export function objectInfo(fd: Fd, info: Uint8Array): void {
  const attributes = infoAttr.encode({ fd, infoLength: info.length, info }, addressOf);
  const result = bpf(Command.ObjGetInfoByFd, attributes);
  if (result < 0) throw new SyscallError("BPF_OBJ_GET_INFO_BY_FD", -result);
}

/** Text up to its NUL. */
export function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return decoder.decode(end === -1 ? bytes : bytes.subarray(0, end));
}

/** The objects facet. */
export class LinuxBpfObjects implements BpfObjects {
  readonly #descriptors: Descriptors;

  constructor(descriptors: Descriptors) {
    this.#descriptors = descriptors;
  }

  nextId(kind: BpfObjectKind, id: number): number | undefined {
    const { next, name } = commands[kind];
    const attributes = idAttr.encode({ id }, addressOf);
    const result = bpf(next, attributes);
    if (result === -Errno.ENOENT) return undefined;
    if (result < 0) throw refusal(kind, `BPF_${name}_GET_NEXT_ID`, -result);
    return idAttr.u32(attributes, "nextId");
  }

  openById(kind: BpfObjectKind, id: number): Fd {
    const { open, name } = commands[kind];
    const command = `BPF_${name}_GET_FD_BY_ID`;
    const result = bpf(open, idAttr.encode({ id }, addressOf));
    if (result === -Errno.EPERM) throw refusal(kind, command, -result);
    return this.#descriptors.add(result, command);
  }

  programInfo(program: Fd): ProgramInfo {
    const sizes = new Uint8Array(programInfo.sizeBytes);
    objectInfo(program, sizes);
    const mapIds = new Uint8Array(programInfo.u32(sizes, "mapCount") * 4);
    const info = programInfo.encode({ mapCount: mapIds.length / 4, mapIds }, addressOf);
    objectInfo(program, info);
    const u32 = (name: Parameters<typeof programInfo.u32>[1]): number => programInfo.u32(info, name);
    const tagAt = programInfo.offsetOf("tag");
    return {
      id: u32("id"),
      type: u32("type"),
      name: programInfo.text(info, "name"),
      tag: [...info.subarray(tagAt, tagAt + 8)].map((byte) => byte.toString(16).padStart(2, "0")).join(""),
      loadTimeNs: programInfo.u64(info, "loadTime"),
      createdByUid: u32("createdByUid"),
      gplCompatible: (u32("gplCompatible") & 1) === 1,
      mapIds: wordsOf(mapIds, Math.min(mapIds.length / 4, u32("mapCount"))),
      btfId: u32("btfId"),
      attachBtfObjectId: u32("attachBtfObjectId"),
      attachBtfId: u32("attachBtfId"),
      translatedSizeBytes: u32("translatedSize"),
      jitedSizeBytes: u32("jitedSize"),
      runTimeNs: programInfo.u64(info, "runTime"),
      runCount: programInfo.u64(info, "runCount"),
      recursionMisses: programInfo.u64(info, "recursionMisses"),
      verifiedInstructions: u32("verifiedInstructions"),
      ifindex: u32("ifindex"),
    };
  }

  programCode(program: Fd): ProgramCode {
    const sizes = new Uint8Array(programInfo.sizeBytes);
    objectInfo(program, sizes);
    const u32 = (name: Parameters<typeof programInfo.u32>[1]): number => programInfo.u32(sizes, name);
    const translated = new Uint8Array(u32("translatedSize"));
    const jited = new Uint8Array(u32("jitedSize"));
    const addresses = new Uint8Array(u32("functionAddressCount") * 8);
    const functionSizes = new Uint8Array(u32("functionSizeCount") * 4);
    const funcInfo = new Uint8Array(u32("funcInfoCount") * u32("funcInfoRecordSize"));
    const lineInfo = new Uint8Array(u32("lineInfoCount") * u32("lineInfoRecordSize"));
    const info = programInfo.encode(
      {
        translatedSize: translated.length,
        translated,
        jitedSize: jited.length,
        jited,
        functionAddressCount: addresses.length / 8,
        functionAddresses: addresses,
        functionSizeCount: functionSizes.length / 4,
        functionSizes,
        funcInfoRecordSize: u32("funcInfoRecordSize"),
        funcInfoCount: u32("funcInfoCount"),
        funcInfo,
        lineInfoRecordSize: u32("lineInfoRecordSize"),
        lineInfoCount: u32("lineInfoCount"),
        lineInfo,
      },
      addressOf,
    );
    objectInfo(program, info);
    // What may not be seen has a size, but comes without an address.
    const shown = (name: "translated" | "jited", bytes: Uint8Array): Uint8Array =>
      programInfo.u64(info, name) === 0n ? new Uint8Array(0) : bytes;
    const view = new DataView(addresses.buffer);
    return {
      translated: shown("translated", translated),
      jited: shown("jited", jited),
      functionAddresses: wordsOf(functionSizes).map((_, index) => view.getBigUint64(index * 8, true)),
      functionSizes: wordsOf(functionSizes),
      funcInfo,
      funcInfoRecordSize: u32("funcInfoRecordSize"),
      lineInfo,
      lineInfoRecordSize: u32("lineInfoRecordSize"),
    };
  }

  btfInfo(btf: Fd): BtfInfo {
    const name = new Uint8Array(longestName);
    const info = btfInfo.encode({ name, nameLength: name.length }, addressOf);
    objectInfo(btf, info);
    return {
      id: btfInfo.u32(info, "id"),
      name: textOf(name),
      sizeBytes: btfInfo.u32(info, "btfSize"),
      ofKernel: btfInfo.u32(info, "kernelBtf") !== 0,
    };
  }

  btfData(btf: Fd): Uint8Array {
    const data = new Uint8Array(this.btfInfo(btf).sizeBytes);
    objectInfo(btf, btfInfo.encode({ btf: data, btfSize: data.length }, addressOf));
    return data;
  }

  linkInfo(link: Fd): LinkInfo {
    const first = new Uint8Array(linkInfo.sizeBytes);
    objectInfo(link, first);
    return linkInfoOf(first, (info) => objectInfo(link, info));
  }

  kindOf(fd: Fd): BpfObjectKind | undefined {
    try {
      return fileNames[readlinkSync(`/proc/self/fd/${fd}`)];
    } catch (cause) {
      throw new SyscallError("readlink", Errno.EBADF, { cause });
    }
  }

  pin(fd: Fd, path: string): void {
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    } catch (cause) {
      throw fileFailure("mkdir", dirname(path), cause);
    }
    const attributes = pinAttr.encode({ path: encoder.encode(`${path}\0`), fd }, addressOf);
    const result = bpf(Command.ObjPin, attributes);
    if (result < 0) throw new SyscallError("BPF_OBJ_PIN", -result, { detail: path });
  }

  openPinned(path: string): Fd {
    const attributes = pinAttr.encode({ path: encoder.encode(`${path}\0`) }, addressOf);
    const result = bpf(Command.ObjGet, attributes);
    if (result < 0) throw new SyscallError("BPF_OBJ_GET", -result, { detail: path });
    return this.#descriptors.add(result, "BPF_OBJ_GET");
  }

  unpin(path: string): void {
    try {
      unlinkSync(path);
    } catch (cause) {
      throw fileFailure("unlink", path, cause);
    }
  }
}

function refusal(kind: BpfObjectKind, command: string, errno: number): Error {
  const cause = new SyscallError(command, errno);
  if (errno !== Errno.EPERM) return cause;
  const what = kind === "btf" ? "BTF objects" : `${kind}s`;
  return notPermitted(
    `looking at ${what} of the whole kernel`,
    cause,
    "It needs CAP_SYS_ADMIN: run it as root (sudo).",
  );
}

function fileFailure(command: string, path: string, cause: unknown): SyscallError {
  const errno = cause instanceof Error && "errno" in cause ? -Number(cause.errno) : Errno.EIO;
  return new SyscallError(command, errno, { detail: path, cause });
}

function wordsOf(bytes: Uint8Array, count = bytes.length / 4): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: count }, (_, index) => view.getUint32(index * 4, true));
}
