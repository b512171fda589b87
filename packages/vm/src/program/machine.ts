/** The simulated processor's state: memory, stacks, the map and program registries, and the block engines share. */

import { createMap } from "../maps/create.ts";
import type { BpfMap, MapDefinition, MapHost, PerfSink, TailCallTarget } from "../maps/map.ts";
import type { AddressSpace } from "../memory/address-space.ts";
import type { World } from "../world.ts";
import { loadProgram } from "./load.ts";
import type { LoadedProgram, ProgramDefinition } from "./program.ts";

/** How the machine turns descriptors stored into maps into objects. The simulated kernel gives it. */
export interface DescriptorLookup {
  perfSink(fd: number): PerfSink | undefined;
  tailCallTarget(fd: number): TailCallTarget | undefined;
}

/** Maps and programs of one simulated kernel, and what it takes to run the programs. */
export class Machine implements MapHost {
  readonly world: World;
  readonly memory: AddressSpace;
  readonly cpuCount: number;
  readonly #descriptors: DescriptorLookup;
  readonly #maps: (BpfMap | undefined)[] = [undefined];
  #programCount = 0;

  constructor(world: World, descriptors: DescriptorLookup) {
    this.world = world;
    this.memory = world.memory;
    this.cpuCount = world.cpuCount;
    this.#descriptors = descriptors;
  }

  /** BPF_MAP_CREATE. @throws SyscallError with the errno of the kernel. */
  createMap(definition: MapDefinition): BpfMap {
    const map = createMap(definition, this.#maps.length, this);
    this.#maps.push(map);
    return map;
  }

  /** Ends a map; its id is not used again. */
  destroyMap(map: BpfMap): void {
    this.#maps[map.id] = undefined;
    map.destroy();
  }

  /** BPF_PROG_LOAD. @throws SyscallError whose cause is a VerifierRejection, or BpfkitError VM020.. where the VM lacks something. */
  loadProgram(definition: ProgramDefinition): LoadedProgram {
    this.#programCount++;
    return loadProgram(this, this.#programCount, definition);
  }

  /** The live map with an id. */
  map(id: number): BpfMap | undefined {
    return this.#maps[id];
  }

  currentCpu(): number {
    return this.world.currentCpu();
  }
  random32(): number {
    return this.world.random32();
  }
  perfSink(fd: number): PerfSink | undefined {
    return this.#descriptors.perfSink(fd);
  }
  tailCallTarget(fd: number): TailCallTarget | undefined {
    return this.#descriptors.tailCallTarget(fd);
  }
  notifyReadable(mapId: number): void {
    this.world.notifyReadable(mapId);
  }

  /** Leaves the 64-bit result of a helper where both engines take it from. */
  setWideResult(_low: number, _high: number): void {}
}
