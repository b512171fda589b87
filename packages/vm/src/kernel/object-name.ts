/** Names of maps and programs as bpf(2) takes them. */
import { Errno } from "@bpfkit/base/abi";
import { SyscallError } from "@bpfkit/base/diagnostics";

/** BPF_OBJ_NAME_LEN, the final zero included. */
const NameSize = 16;

/**
 * Checks a name: at most 15 characters, letters, digits, `_` and `.` only (kernel/bpf/syscall.c, bpf_obj_name_cpy).
 * @throws SyscallError EINVAL
 */
export function checkObjectName(name: string, command: string): void {
  if (name.length >= NameSize || !/^[A-Za-z0-9_.]*$/.test(name)) {
    throw new SyscallError(command, Errno.EINVAL, {
      detail: `the name "${name}" is not at most 15 of the characters A-Z a-z 0-9 _ .`,
    });
  }
}
