/** Keeps this thread on one processor, so that two runs use the same part of per-CPU maps. */
import koffi from "koffi";

/** Pins the calling thread to the processor it is on. @throws Error where the system refuses */
export function stayOnThisProcessor(): void {
  const library = koffi.load(null);
  const current = library.func("sched_getcpu", "int", [])() as number;
  const mask = new Uint8Array(128);
  mask[current >> 3] = 1 << (current & 7);
  const set = library.func("sched_setaffinity", "int", ["int", "size_t", "void *"]);
  if (set(0, mask.length, mask) !== 0) throw new Error(`sched_setaffinity (errno ${koffi.errno()})`);
}
