/** Prints a module as LLVM IR text, for goldens and for checking passes with LLVM's own tools. */
import { quoteText } from "./escape.ts";
import type { IrFunction } from "./function.ts";
import type { IrAlias, IrGlobal, IrModule } from "./module.ts";
import { printAttributes } from "./print-attributes.ts";
import { InstructionPrinter } from "./print-instruction.ts";
import { printMetadataTable } from "./print-metadata.ts";
import { printTypedConstant } from "./print-value.ts";
import { printStructBody, printType, quoteName } from "./type.ts";

/** The text of a module. Values and blocks without a name that LLVM would accept are numbered anew. */
export function printModule(module: IrModule): string {
  const lines = [`source_filename = ${quoteText(module.sourceFileName)}`];
  if (module.dataLayout !== "") lines.push(`target datalayout = ${quoteText(module.dataLayout)}`);
  if (module.targetTriple !== "") lines.push(`target triple = ${quoteText(module.targetTriple)}`);
  for (const text of module.moduleAssembly) lines.push(`module asm ${quoteText(text)}`);
  for (const [name, type] of module.types) lines.push(`%${quoteName(name)} = type ${printStructBody(type)}`);
  const groups = new Map<string, number>();
  for (const global of module.globals) lines.push(printGlobal(global, groups));
  for (const alias of module.aliases) lines.push(printAlias(alias));
  for (const fn of module.functions) lines.push("", printFunction(fn));
  lines.push("");
  for (const [attributes, id] of groups) lines.push(`attributes #${id} = { ${attributes} }`);
  for (const [name, ids] of module.namedMetadata) {
    lines.push(`!${name} = !{${ids.map((id) => `!${id}`).join(", ")}}`);
  }
  lines.push(...printMetadataTable(module.metadata));
  return `${lines.join("\n")}\n`;
}

function printPrefix(symbol: IrGlobal | IrFunction | IrAlias): string {
  const linkage = symbol.linkage === "external" ? "" : `${symbol.linkage} `;
  return linkage + (symbol.visibility === "default" ? "" : `${symbol.visibility} `);
}

function printGlobal(global: IrGlobal, groups: Map<string, number>): string {
  const { initializer } = global;
  const prefix =
    initializer === undefined && global.linkage === "external" ? "external " : printPrefix(global);
  const local = global.threadLocal ? "thread_local " : "";
  const unnamed = global.unnamedAddress ? "unnamed_addr " : "";
  const space = global.type.addressSpace === 0 ? "" : `addrspace(${global.type.addressSpace}) `;
  const kind = global.constant ? "constant" : "global";
  let text = `@${quoteName(global.name)} = ${prefix}${local}${unnamed}${space}${kind} `;
  text += initializer === undefined ? printType(global.valueType) : printTypedConstant(initializer);
  if (global.section !== undefined) text += `, section ${quoteText(global.section)}`;
  if (global.align !== undefined) text += `, align ${global.align}`;
  for (const id of global.debugVariables) text += `, !dbg !${id}`;
  for (const { name, id } of global.attachments) text += `, !${name} !${id}`;
  if (global.attributes.size === 0) return text;
  const attributes = printAttributes(global.attributes);
  const id = groups.get(attributes) ?? groups.size;
  groups.set(attributes, id);
  return `${text} #${id}`;
}

function printAlias(alias: IrAlias): string {
  const type = printType(alias.valueType);
  return `@${quoteName(alias.name)} = ${printPrefix(alias)}alias ${type}, ${printTypedConstant(alias.aliasee)}`;
}

/** The text of one function, head and blocks. */
export function printFunction(fn: IrFunction): string {
  const names = nameValues(fn);
  const parameters = fn.parameters.map((parameter) => {
    const name = fn.blocks.length === 0 ? "" : ` %${quoteName(names.get(parameter) ?? parameter.name)}`;
    return `${printType(parameter.type)}${spaced(printAttributes(parameter.attributes))}${name}`;
  });
  if (fn.functionType.variadic) parameters.push("...");
  const convention = fn.callingConvention === "ccc" ? "" : `${fn.callingConvention} `;
  const result = `${printAttributes(fn.resultAttributes)} ${printType(fn.functionType.result)}`.trimStart();
  let head = `${fn.blocks.length === 0 ? "declare" : "define"} `;
  const debug = fn.subprogram === undefined ? "" : ` !dbg !${fn.subprogram}`;
  const others = fn.attachments.map((each) => ` !${each.name} !${each.id}`).join("");
  if (fn.blocks.length === 0) head += `${(debug + others).trimStart()} `.trimStart();
  head += `${printPrefix(fn)}${convention}${result} @${quoteName(fn.name)}(${parameters.join(", ")})`;
  head += spaced(printAttributes(fn.attributes));
  if (fn.section !== undefined) head += ` section ${quoteText(fn.section)}`;
  if (fn.align !== undefined) head += ` align ${fn.align}`;
  if (fn.blocks.length === 0) return head;
  const printer = new InstructionPrinter(names);
  const lines = [`${head}${debug}${others} {`];
  for (const block of fn.blocks) {
    lines.push(`${quoteName(names.get(block) ?? block.name)}:`);
    for (const instruction of block.instructions) lines.push(`  ${printer.print(instruction)}`);
  }
  lines.push("}");
  return lines.join("\n");
}

function spaced(text: string): string {
  return text === "" ? "" : ` ${text}`;
}

/** Names for everything local: given names where they are unique and no numbers, else made up. */
function nameValues(fn: IrFunction): Map<object, string> {
  const names = new Map<object, string>();
  const used = new Set<string>();
  const give = (value: object, name: string, prefix: string): void => {
    const base = /^[0-9]*$/.test(name) ? `${prefix}${name}` : name;
    let chosen = base;
    for (let count = 0; used.has(chosen); count++) chosen = `${base}.${count}`;
    used.add(chosen);
    names.set(value, chosen);
  };
  for (const parameter of fn.parameters) give(parameter, parameter.name, "a");
  for (const block of fn.blocks) {
    give(block, block.name, "b");
    for (const each of block.instructions) if (each.type.kind !== "void") give(each, each.name, "v");
  }
  return names;
}
