/** bpf_spin_lock and bpf_spin_unlock: programs of the VM never run at the same time, so nothing is to be waited for. */
import { type HelperDefinition, mustWrite } from "./definition.ts";

function lockHelper(name: string): HelperDefinition {
  return {
    name,
    arguments: ["memory"],
    result: "int",
    bind: (machine) => (lock) => {
      mustWrite(machine, lock as number, 4, 1);
      return 0;
    },
  };
}

/** bpf_spin_lock(lock). */
export const spinLock = lockHelper("spin_lock");
/** bpf_spin_unlock(lock). */
export const spinUnlock = lockHelper("spin_unlock");
