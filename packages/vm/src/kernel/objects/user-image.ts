/** The user half of a simulated process: where its strings, arguments and code are. */
import type { AddressSpace } from "../../memory/address-space.ts";
import type { UserSpace } from "../../memory/user-space.ts";

/** Addresses of the argument strings, as a loader puts them near the top of the stack. */
export const ArgumentArea = {
  stackTop: 0x7ffd_3a5c_2000n,
  argumentStart: 0x7ffd_3a5c_1000n,
  environmentStart: 0x7ffd_3a5c_1800n,
} as const;

/** Room for the arguments, and for the environment; the rest of longer ones is left out. */
const LargestArguments = 0x7ff;

/** `sp` of a process in user mode. */
export const UserStackPointer = 0x7ffd_3a5c_0f00n;

/** The heap, where programs keep the strings they pass to system calls. Reused from the start when it is full. */
const HeapStart = 0x55d0_1c2a_b000n;
const HeapSize = 0x1_0000;

const encoder = new TextEncoder();

/** Writes what a process passes to system calls into its memory. */
export class UserImage {
  readonly space: UserSpace;
  /** Sizes of what {@link storeArguments} stored. */
  argumentBytes = 0;
  environmentBytes = 0;
  #used = 0;

  constructor(memory: AddressSpace) {
    this.space = memory.createUserSpace();
  }

  /** A zero-terminated string; valid until about 64 KiB more have been put. */
  string(text: string): bigint {
    const bytes = encoder.encode(`${text}\0`);
    return this.bytes(bytes);
  }

  /** Bytes, aligned to 8. */
  bytes(bytes: Uint8Array): bigint {
    const size = (bytes.length + 7) & ~7;
    if (this.#used + size > HeapSize) this.#used = 0;
    const address = HeapStart + BigInt(this.#used);
    this.#used += size;
    this.space.store(address, bytes);
    return address;
  }

  /** A NULL-terminated array of pointers to strings, as execve(2) takes. */
  strings(texts: readonly string[]): bigint {
    const pointers = new DataView(new ArrayBuffer((texts.length + 1) * 8));
    texts.forEach((text, index) => {
      pointers.setBigUint64(index * 8, this.string(text), true);
    });
    return this.bytes(new Uint8Array(pointers.buffer));
  }

  /** The argument strings of a newly executed program where `mm->arg_start` says they are. */
  storeArguments(argv: readonly string[], environment: readonly string[]): void {
    const join = (texts: readonly string[]) =>
      encoder.encode(texts.map((text) => `${text}\0`).join("")).subarray(0, LargestArguments);
    const [args, env] = [join(argv), join(environment)];
    this.argumentBytes = args.length;
    this.environmentBytes = env.length;
    this.space.store(ArgumentArea.argumentStart, args);
    this.space.store(ArgumentArea.environmentStart, env);
  }
}
