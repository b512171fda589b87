/** Section `.addr_space.1`: the initial values of `__arena` variables, which live in the object's arena map (Linux 6.9). */
import { NewerMapType } from "@bpfkit/base/abi";
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { ObjectSection } from "@bpfkit/elf/object";
import type { MapSpec } from "./map-spec.ts";

/** LLVM's name for the section of variables in address space 1. */
export const arenaSectionName = ".addr_space.1";

/** LLVM writes zeros to the file, too; a section that is not there may not ask for more than this. */
const maxZeroBytes = 64 << 20;

/**
 * The map that holds the section's variables; its `arenaData` is set. As libbpf 1.5 has it, they are at the start of the
 * arena, and an object has one arena at most.
 * @throws BpfkitError LD012, LD016
 */
export function arenaOfSection(section: ObjectSection, maps: Iterable<MapSpec>): MapSpec {
  const arenas = [...maps].filter(({ type }) => type === NewerMapType.Arena);
  const [arena, another] = arenas;
  if (arena === undefined) {
    throw new BpfkitError("LD016", "there are __arena variables, but no arena map for them", {
      hint: 'Define a map of type BPF_MAP_TYPE_ARENA in SEC(".maps"), large enough for them (max_entries counts pages).',
    });
  }
  if (another !== undefined) {
    throw new BpfkitError(
      "LD016",
      `${arena.name} and ${another.name} are both arenas: an object has one at most`,
    );
  }
  if (section.relocations.length > 0) {
    throw new BpfkitError("LD012", "an __arena variable holds the address of a function, map or variable", {
      hint: "Store the address when the program runs.",
    });
  }
  const isInFile = section.data.length >= section.size;
  if (!isInFile && section.size > maxZeroBytes) {
    throw new BpfkitError("LD016", `section ${section.name} is too big: ${section.size} bytes`);
  }
  arena.arenaData = new Uint8Array(section.size);
  arena.arenaData.set(section.data.subarray(0, section.size));
  return arena;
}
