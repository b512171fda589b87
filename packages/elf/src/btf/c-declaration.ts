/** Declarations in C: base types, declarators inside out, bodies of structs and enums. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { type AggregatePlan, LayoutPlanner } from "./c-layout.ts";
import { CNames, cIdentifier } from "./c-names.ts";
import type { BtfEnum, BtfEnum64, BtfFuncProto, BtfStruct, BtfType, BtfTypeTag, BtfUnion } from "./type.ts";
import type { BtfTable } from "./type-table.ts";

/** Longer chains of pointers, arrays and qualifiers are taken for damage. */
const longestChain = 256;
/** Anonymous structs and function pointers inside each other; clang itself gives up at 256. */
const deepestNesting = 64;
/** Characters; a hostile table could ask for endless text. vmlinux takes 3 million. */
const mostText = 64 * 1024 * 1024;

/** Writes the C of single types. Order and completeness are the caller's business. */
export class CDeclarations {
  readonly names = new CNames();
  readonly #table: BtfTable;
  readonly #layout: LayoutPlanner;
  readonly #inlinedEnums = new Set<number>();
  #written = 0;

  constructor(table: BtfTable) {
    this.#table = table;
    this.#layout = new LayoutPlanner(table);
  }

  /** Whether an anonymous enum has been written as part of another declaration. */
  wasInlined(id: number): boolean {
    return this.#inlinedEnums.has(id);
  }

  /** `struct task_struct { ... };` */
  aggregate(id: number, type: BtfStruct | BtfUnion): string {
    return `${this.#aggregateBody(id, type, this.names.tag(id, type.name), "", 0)};\n`;
  }

  /** `enum pid_type { ... };` */
  enumeration(id: number, type: BtfEnum | BtfEnum64): string {
    return `${this.#enumBody(type, type.name === "" ? "" : this.names.tag(id, type.name), "")};\n`;
  }

  /** `typedef unsigned int u32;` */
  typedef(id: number, name: string, target: number): string {
    return `typedef ${this.#declare(target, this.names.typedef(id, name), "", 0)};\n`;
  }

  /** `struct file;` */
  forward(id: number, type: BtfType): string {
    return `${this.#tagged(id, type)};\n`;
  }

  /** A type and a declarator: `const char *name[16]`; without a name for an abstract declarator. */
  declare(id: number, name: string): string {
    return this.#declare(id, name, "", 0);
  }

  #declare(id: number, name: string, indent: string, depth: number): string {
    let declarator = name;
    let qualifiers = "";
    let current = id;
    let afterPointer = false;
    for (let step = 0; step < longestChain; step++) {
      const type = this.#table.type(current);
      switch (type.kind) {
        case "const":
        case "volatile":
        case "restrict":
          qualifiers = addQualifier(qualifiers, type.kind);
          current = type.type;
          continue;
        case "type_tag":
          qualifiers = addQualifier(qualifiers, tagAttribute(type));
          current = type.type;
          continue;
        case "typedef":
          if (!isBuiltin(type.name)) break;
          // The compiler's own type of that name is the target's, not the kernel's.
          current = type.type;
          continue;
        case "ptr":
          declarator = pointer(qualifiers, declarator);
          qualifiers = "";
          afterPointer = true;
          current = type.type;
          continue;
        case "array":
          // Qualifiers of an array are those of its elements.
          declarator = `${afterPointer ? `(${declarator})` : declarator}[${type.count}]`;
          afterPointer = false;
          current = type.elementType;
          continue;
        case "func_proto":
          declarator = `${afterPointer ? `(${declarator})` : declarator}(${this.#parameters(type, indent, depth)})`;
          qualifiers = "";
          afterPointer = false;
          current = type.returnType;
          continue;
        default:
          break;
      }
      const base = this.#base(current, type, indent, depth);
      return specify(base, qualifiers, declarator);
    }
    throw new BpfkitError("EL107", `${this.#table.name}: type ${id} is a chain without end`);
  }

  #parameters(type: BtfFuncProto, indent: string, depth: number): string {
    this.#descend(depth);
    const list = type.params.map((param, index) => {
      const isVariadic = param.type === 0 && param.name === "" && index === type.params.length - 1;
      // A variadic function without a named parameter cannot be written; an unspecified list says the same.
      if (isVariadic) return index === 0 ? "" : "...";
      return this.#count(this.#declare(param.type, "", indent, depth + 1));
    });
    return type.params.length === 0 ? "void" : list.join(", ");
  }

  #base(id: number, type: BtfType, indent: string, depth: number): string {
    switch (type.kind) {
      case "void":
        return "void";
      case "int":
        return intName(type.name, type.size, type.signed);
      case "float":
        return floatName(type.size);
      case "typedef":
        return this.names.typedef(id, type.name);
      case "struct":
      case "union":
        if (type.name !== "") return this.#tagged(id, type);
        this.#descend(depth);
        return this.#aggregateBody(id, type, "", indent, depth + 1);
      case "enum":
      case "enum64":
        if (type.name !== "") return this.#tagged(id, type);
        this.#inlinedEnums.add(id);
        return this.#enumBody(type, "", indent);
      case "fwd":
        return this.#tagged(id, type);
      default:
        throw new BpfkitError(
          "EL109",
          `${this.#table.name}: type ${id} is a ${type.kind}, which is not a C type`,
        );
    }
  }

  #tagged(id: number, type: BtfType): string {
    switch (type.kind) {
      case "fwd":
        return `${type.isUnion ? "union" : "struct"} ${this.names.declared(type.name)}`;
      case "struct":
      case "union":
        return `${type.kind} ${this.names.tag(id, type.name)}`;
      case "enum":
      case "enum64":
        return `enum ${this.names.tag(id, type.name)}`;
      default:
        throw new BpfkitError("EL109", `${this.#table.name}: type ${id} is a ${type.kind}, which has no tag`);
    }
  }

  #aggregateBody(id: number, type: BtfStruct | BtfUnion, tag: string, indent: string, depth: number): string {
    const plan = this.#layout.plan(id);
    const inner = `${indent}\t`;
    const head = tag === "" ? `${type.kind} {` : `${type.kind} ${tag} {`;
    const lines = [head];
    for (const item of plan.items) {
      if (item.kind === "padding") {
        lines.push(`${inner}${item.unit}: ${item.bits};`);
        continue;
      }
      const member = type.members[item.index];
      if (member === undefined) continue;
      const name = member.name === "" ? "" : cIdentifier(member.name);
      const width = member.bitSize === 0 ? "" : `: ${member.bitSize}`;
      lines.push(this.#count(`${inner}${this.#declare(member.type, name, inner, depth)}${width};`));
    }
    for (const index of plan.lost)
      lines.push(`${inner}/* ${cIdentifier(type.members[index]?.name ?? "")} has no place in C */`);
    lines.push(`${indent}}${attributesOf(plan)}`);
    return lines.length === 2 && tag !== "" ? `${head}}${attributesOf(plan)}` : lines.join("\n");
  }

  #enumBody(type: BtfEnum | BtfEnum64, tag: string, indent: string): string {
    const head = tag === "" ? "enum" : `enum ${tag}`;
    // An enum without values is one that the kernel only declares.
    if (type.values.length === 0) return tag === "" ? intName("", type.size, type.signed) : head;
    const values = type.values.map(({ name, value }) => {
      const number = typeof value === "bigint" ? wideValue(value) : String(value);
      return this.#count(`${indent}\t${this.names.enumerator(name)} = ${number},`);
    });
    return `${head} {\n${values.join("\n")}\n${indent}}${enumMode(type.size)}`;
  }

  #descend(depth: number): void {
    if (depth > deepestNesting) {
      throw new BpfkitError(
        "EL112",
        `${this.#table.name}: types are nested more than ${deepestNesting} deep`,
      );
    }
  }

  #count(text: string): string {
    this.#written += text.length;
    if (this.#written > mostText) {
      throw new BpfkitError(
        "EL112",
        `${this.#table.name}: the types take more than ${mostText} characters of C`,
      );
    }
    return text;
  }
}

/** Typedefs of the compiler's own names, which must not be defined: they are printed as what they stand for. */
export function isBuiltin(name: string): boolean {
  return name.startsWith("__builtin_");
}

/** Qualifiers, base type and declarator in the order of C. */
function specify(base: string, qualifiers: string, declarator: string): string {
  // `restrict` is for pointers; on anything else only damaged BTF has it.
  const words = qualifiers.split(" ").filter((word) => word !== "restrict");
  // Attributes go behind the type, or they would belong to the outermost pointer.
  const attributes = words.filter((word) => word.startsWith("__attribute__"));
  const front = words.filter((word) => !word.startsWith("__attribute__"));
  return [...front, base, ...attributes, declarator].filter((word) => word !== "").join(" ");
}

function addQualifier(qualifiers: string, word: string): string {
  if (word === "" || qualifiers.split(" ").includes(word)) return qualifiers;
  return qualifiers === "" ? word : `${qualifiers} ${word}`;
}

function pointer(qualifiers: string, declarator: string): string {
  if (qualifiers === "") return `*${declarator}`;
  return `* ${qualifiers}${declarator === "" ? "" : ` ${declarator}`}`;
}

/** An attribute's name with at most one number: anything else in BTF is not worth the risk of printing it. */
const plainAttribute = /^[A-Za-z_]\w*(\(\d+\))?$/;

function tagAttribute(type: BtfTypeTag): string {
  if (type.attribute === true) return plainAttribute.test(type.name) ? `__attribute__((${type.name}))` : "";
  return /^\w+$/.test(type.name) ? `__attribute__((btf_type_tag("${type.name}")))` : "";
}

function attributesOf(plan: AggregatePlan): string {
  if (plan.packed) return " __attribute__((packed))";
  return plan.forcedAlignment === 0 ? "" : ` __attribute__((aligned(${plan.forcedAlignment})))`;
}

const integerWords: ReadonlySet<string> = new Set([
  "char",
  "short",
  "int",
  "long",
  "signed",
  "unsigned",
  "__int128",
  "_Bool",
]);
/** Names of integers that C knows, seen so far; names repeat endlessly. */
const knownIntegers = new Map<string, boolean>();

/** The integer's own name where C has it; otherwise the C type of that size (other languages, GCC's own types). */
function intName(name: string, size: number, signed: boolean): string {
  let known = knownIntegers.get(name);
  if (known === undefined) {
    known = name.split(" ").every((word) => integerWords.has(word));
    if (name === "bool") known = false;
    if (knownIntegers.size < 256) knownIntegers.set(name, known);
  }
  if (known) return name;
  if (name === "bool" && size === 1) return "_Bool";
  const prefix = signed ? "signed" : "unsigned";
  if (size <= 1) return `${prefix} char`;
  if (size === 2) return `${prefix} short`;
  if (size <= 4) return `${prefix} int`;
  return size <= 8 ? `${prefix} long long` : `${prefix} __int128`;
}

/** BPF has no long double: what is larger than double becomes an integer of the same size. */
function floatName(size: number): string {
  if (size <= 2) return "unsigned short";
  if (size <= 4) return "float";
  return size <= 8 ? "double" : "unsigned __int128";
}

function wideValue(value: bigint): string {
  if (value > 0x7fff_ffff_ffff_ffffn) return `${value}ULL`;
  // The most negative number has no literal of its own.
  return value === -(2n ** 63n) ? "(-9223372036854775807LL - 1)" : `${value}LL`;
}

/** The default is four bytes, or eight where the values need it. */
function enumMode(size: number): string {
  switch (size) {
    case 1:
      return " __attribute__((mode(byte)))";
    case 2:
      return " __attribute__((mode(HI)))";
    case 8:
      return " __attribute__((mode(DI)))";
    default:
      return "";
  }
}
