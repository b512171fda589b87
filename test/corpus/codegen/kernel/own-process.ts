/** Programs that only act for one process, whose number is in a global variable: here it is this process that is meant. */
import { readFileSync } from "node:fs";
import { BtfTable } from "@bpfkit/elf/btf";
import { readObject } from "@bpfkit/elf/object";
import { lookup, type NativeMap, update } from "./libbpf.ts";

/** Names that the selftests give to such variables. */
const processVariable = /^(?:my|target|monitored|test)?_?(?:pid|tid|tgid)$/;

/** Sets such variables in the maps of a loaded object. */
export function nameOwnProcess(file: string, maps: readonly NativeMap[]): void {
  for (const { section, offset, size } of processVariables(file)) {
    const map = maps.find(({ name, fd }) => fd >= 0 && name.endsWith(section));
    if (map === undefined) continue;
    const key = new Uint8Array(4);
    const value = lookup(map.fd, key, map.valueSize);
    if (value === undefined) continue;
    const view = new DataView(value.buffer);
    if (size === 8) view.setBigUint64(offset, BigInt(process.pid), true);
    else view.setUint32(offset, process.pid, true);
    update(map.fd, key, value);
  }
}

interface Variable {
  readonly section: string;
  readonly offset: number;
  readonly size: number;
}

function processVariables(file: string): Variable[] {
  const section = readObject(new Uint8Array(readFileSync(file)), file).sections.find(
    ({ name }) => name === ".BTF",
  );
  if (section === undefined) return [];
  const table = BtfTable.decode(section.data);
  const found: Variable[] = [];
  for (let at = 1; at < table.typeCount; at++) {
    const type = table.type(at);
    if (type.kind !== "datasec" || (type.name !== ".bss" && type.name !== ".data")) continue;
    for (const { type: id, offset, size } of type.entries) {
      const variable = table.type(id);
      if (variable.kind !== "var" || !processVariable.test(variable.name)) continue;
      if (size === 4 || size === 8) found.push({ section: type.name, offset, size });
    }
  }
  return found;
}
