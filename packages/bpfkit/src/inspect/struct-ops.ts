/** Tables of functions for the kernel: variables in sections .struct_ops and .struct_ops.link. */
import type { BtfTable } from "@bpfkit/elf/btf";
import type { ObjectFile } from "@bpfkit/elf/object";
import type { StructOpsDescription } from "./description.ts";
import { typeName } from "./type-name.ts";

const sectionNames = [".struct_ops", ".struct_ops.link"];

/** Every table with the programs that its members point to. */
export function describeStructOps(object: ObjectFile, btf: BtfTable): StructOpsDescription[] {
  return sectionNames.flatMap((section) => {
    const datasec = btf.find(section, "datasec");
    const type = datasec === undefined ? undefined : btf.type(datasec);
    if (type?.kind !== "datasec") return [];
    const index = object.sections.findIndex(({ name }) => name === section);
    return type.entries.map((entry) => {
      const variable = btf.type(entry.type);
      const name = "name" in variable ? variable.name : "";
      const symbol = object.symbols.find((each) => each.section === index && each.name === name);
      const structId = variable.kind === "var" ? variable.type : 0;
      return {
        name,
        section,
        type: typeName(btf, structId),
        functions: functionsOf(object, btf, { index, start: symbol?.value ?? 0, structId }),
      };
    });
  });
}

function functionsOf(
  object: ObjectFile,
  btf: BtfTable,
  table: { readonly index: number; readonly start: number; readonly structId: number },
): { member: string; program: string }[] {
  const struct = btf.type(btf.resolve(table.structId));
  if (struct.kind !== "struct") return [];
  const functions: { member: string; program: string }[] = [];
  for (const { offset, symbol } of object.sections[table.index]?.relocations ?? []) {
    const member = struct.members.find(({ bitOffset }) => bitOffset === (offset - table.start) * 8);
    const program = object.symbols[symbol]?.name;
    if (member !== undefined && program !== undefined) functions.push({ member: member.name, program });
  }
  return functions;
}
