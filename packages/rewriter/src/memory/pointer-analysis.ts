/** Which memory each pointer of a program may point to: flow-insensitive, to a fixed point over all functions. */
import type { Declarations, FunctionDefinition } from "../ast/declarations.ts";
import {
  type AstNode,
  childOf,
  childrenOf,
  isPointer,
  typeOf,
  withoutImplicit,
  withoutParentheses,
} from "../ast/node.ts";
import { calleeOf, mapCallOf } from "../maps/calls.ts";
import {
  contextKind,
  isSyscallProgram,
  kernelOrigin,
  type MemoryObject,
  noOrigins,
  type Origins,
  otherOrigin,
  trustedOrigin,
  union,
  userOrigin,
} from "./origins.ts";

/** Where an lvalue lies. */
export interface Location {
  readonly objects: Origins;
  /** Member declaration, for members of the program's own structures. */
  readonly field?: string;
  /** What a structure that is no lvalue holds. */
  readonly content?: Origins;
}

/** Why something points to kernel or user memory: a parameter of a program, or the expression that was put there. */
export interface Cause {
  readonly kind: "parameter" | "expression";
  readonly node: AstNode;
  /** The program, for parameters. */
  readonly program?: string;
}

const nowhere: Location = { objects: noOrigins };
/** BCC's name for the registers behind a system call: a pointer into kernel memory. */
const syscallRegisters = "__ctx";
const syscallContext: Location = { objects: new Set(["context:syscall:registers"]) };
const userTag = 'btf_type_tag("user")';

/** The analysis. Build it, then ask. */
export class PointerAnalysis {
  readonly #declarations: Declarations;
  readonly #maps: ReadonlySet<string>;
  /** What `variable:ID`, `map:NAME`, `field:ID` and `return:NAME` hold. */
  readonly #cells = new Map<string, Set<MemoryObject>>();
  /** Where each cell first got kernel or user memory. */
  readonly #causes = new Map<string, Cause>();
  #changed = false;

  constructor(declarations: Declarations, maps: ReadonlySet<string>) {
    this.#declarations = declarations;
    this.#maps = maps;
    for (const definition of declarations.functions.values()) this.#addParameters(definition);
    do {
      this.#changed = false;
      for (const definition of declarations.functions.values()) this.#visit(definition);
    } while (this.#changed);
  }

  /** Where an lvalue expression lies. */
  locationOf(node: AstNode): Location {
    switch (node.kind) {
      case "DeclRefExpr":
        if (node.referencedDecl?.name === syscallRegisters) return syscallContext;
        return node.referencedDecl?.kind === "VarDecl" || node.referencedDecl?.kind === "ParmVarDecl"
          ? { objects: new Set([`variable:${node.referencedDecl.id}`]) }
          : nowhere;
      case "ParenExpr":
      case "ConstantExpr":
        return this.#locationOfChild(node);
      case "ImplicitCastExpr":
        if (node.castKind === "NoOp" || node.castKind === "LValueBitCast") return this.#locationOfChild(node);
        return { objects: noOrigins, content: this.valueOf(node) };
      case "UnaryOperator": {
        const child = childOf(node, 0);
        if (child === undefined) return nowhere;
        if (node.opcode === "*") return { objects: this.valueOf(child) };
        return node.opcode === "__extension__" ? this.locationOf(child) : nowhere;
      }
      case "MemberExpr":
        return this.#memberLocation(node);
      case "ArraySubscriptExpr":
        return this.#elementLocation(node);
      case "CompoundLiteralExpr":
        return { objects: new Set([`variable:${node.id}`]) };
      case "StringLiteral":
      case "PredefinedExpr":
        return { objects: otherOrigin };
      default:
        return { objects: noOrigins, content: this.valueOf(node) };
    }
  }

  #locationOfChild(node: AstNode): Location {
    const child = childOf(node, 0);
    return child === undefined ? nowhere : this.locationOf(child);
  }

  #memberLocation(node: AstNode): Location {
    const base = childOf(node, 0);
    if (base === undefined) return nowhere;
    const location = node.isArrow ? { objects: this.valueOf(base) } : this.locationOf(base);
    const field = node.referencedMemberDecl;
    if (field === undefined) return location;
    return { ...location, field };
  }

  #elementLocation(node: AstNode): Location {
    const [first, second] = childrenOf(node);
    if (first === undefined || second === undefined) return nowhere;
    const pointer = isPointer(first) ? first : second;
    const array = withoutParentheses(pointer);
    if (array.kind === "ImplicitCastExpr" && array.castKind === "ArrayToPointerDecay") {
      const child = childOf(array, 0);
      if (child !== undefined) return this.locationOf(child);
    }
    return { objects: this.valueOf(pointer) };
  }

  /** What an lvalue of the given type holds. */
  contentOf(location: Location, node: AstNode): Origins {
    let found: Origins = location.content ?? noOrigins;
    let isInside = false;
    for (const object of location.objects) {
      found = union(found, this.#contentOfObject(object, location.field));
      if (object !== "kernel" && object !== "user") isInside = true;
    }
    if (location.field !== undefined && (isInside || location.objects.size === 0)) {
      found = union(found, this.#cell(this.#fieldCell(location.field)));
    }
    return retag(found, node);
  }

  #contentOfObject(object: MemoryObject, field: string | undefined): Origins {
    const isContext = object.startsWith("context:");
    if (!isContext && field !== undefined && this.#isRegister(field)) return userOrigin;
    if (object === "kernel") return kernelOrigin;
    if (object === "user") return userOrigin;
    if (object === "trusted") return trustedOrigin;
    if (isContext) {
      if (object.endsWith(":packet")) return this.#isNumberOfPacket(field) ? noOrigins : new Set(["packet"]);
      return object.endsWith(":trusted") ? trustedOrigin : kernelOrigin;
    }
    if (object.startsWith("map:")) {
      const stored = this.#cell(object);
      // A pointer loaded from a map is a plain number to the verifier, wherever it came from.
      return stored.has("user") && !stored.has("kernel") ? stored : union(stored, kernelOrigin);
    }
    return object.startsWith("variable:") ? this.#cell(object) : noOrigins;
  }

  /** Members of packet contexts that hold no pointer: all numbers but the packet's bounds. */
  #isNumberOfPacket(field: string | undefined): boolean {
    const declaration = this.#declarations.fields.get(field ?? "");
    if (declaration === undefined || /^data(?:_end|_meta)?$/.test(declaration.name ?? "")) return false;
    return !typeOf(declaration).includes("*");
  }

  /** Registers saved anywhere but in a probe's context are those of user space. */
  #isRegister(field: string): boolean {
    const record = this.#declarations.recordOfField.get(field);
    return record === "pt_regs" || record === "user_pt_regs";
  }

  /** What an expression's value may point to. */
  valueOf(node: AstNode): Origins {
    const child = childOf(node, 0);
    switch (node.kind) {
      case "ImplicitCastExpr":
      case "CStyleCastExpr":
        return child === undefined ? noOrigins : this.#castValue(node, child);
      case "ParenExpr":
      case "ConstantExpr":
        return child === undefined ? noOrigins : this.valueOf(child);
      case "UnaryOperator":
        return child === undefined ? noOrigins : this.#unaryValue(node, child);
      case "BinaryOperator":
      case "CompoundAssignOperator":
        return this.#binaryValue(node);
      case "ConditionalOperator":
        return this.#unionOf(childrenOf(node).slice(1));
      case "BinaryConditionalOperator":
      case "InitListExpr":
      case "ChooseExpr":
      case "GenericSelectionExpr":
        return this.#unionOf(childrenOf(node));
      case "StmtExpr": {
        const last = child === undefined ? undefined : childrenOf(child).at(-1);
        return last === undefined ? noOrigins : this.valueOf(last);
      }
      case "CallExpr":
        return this.#callValue(node);
      case "MemberExpr":
      case "ArraySubscriptExpr":
      case "CompoundLiteralExpr":
        return this.contentOf(this.locationOf(node), node);
      default:
        return noOrigins;
    }
  }

  #unionOf(nodes: readonly AstNode[]): Origins {
    let found = noOrigins;
    for (const node of nodes) found = union(found, this.valueOf(node));
    return found;
  }

  #castValue(node: AstNode, child: AstNode): Origins {
    if (node.castKind === "LValueToRValue") return this.contentOf(this.locationOf(child), child);
    if (node.castKind === "ArrayToPointerDecay") return this.locationOf(child).objects;
    if (node.castKind === "FunctionToPointerDecay") return this.#functionValue(child);
    if (node.castKind === "ToVoid" || node.castKind === "NullToPointer") return noOrigins;
    const value = retag(this.valueOf(child), node);
    if (node.kind === "CStyleCastExpr" && value.has("trusted") && changesRecord(node, child)) {
      // The verifier knows the pointer by its old type only.
      return union(new Set([...value].filter((object) => object !== "trusted")), kernelOrigin);
    }
    return value;
  }

  /** `function:NAME` for the program's own functions, so that calls through pointers are followed. */
  #functionValue(node: AstNode): Origins {
    const { kind, name = "" } = withoutParentheses(node).referencedDecl ?? {};
    return kind === "FunctionDecl" && this.#declarations.functions.has(name)
      ? new Set([`function:${name}`])
      : noOrigins;
  }

  /** The program's functions that a call may enter. */
  #calledFunctions(node: AstNode): readonly FunctionDefinition[] {
    const { functions } = this.#declarations;
    const named = functions.get(calleeOf(node) ?? "");
    if (named !== undefined) return [named];
    const callee = childOf(node, 0);
    if (callee === undefined) return [];
    return [...this.valueOf(callee)].flatMap((object) => {
      const found = object.startsWith("function:")
        ? functions.get(object.slice("function:".length))
        : undefined;
      return found === undefined ? [] : [found];
    });
  }

  #unaryValue(node: AstNode, child: AstNode): Origins {
    switch (node.opcode) {
      case "&":
        return union(this.locationOf(child).objects, this.#functionValue(child));
      case "*":
      case "++":
      case "--": {
        const target = node.opcode === "*" ? node : child;
        return this.contentOf(this.locationOf(target), target);
      }
      case "+":
      case "-":
      case "~":
      case "__extension__":
        return this.valueOf(child);
      default:
        return noOrigins;
    }
  }

  #binaryValue(node: AstNode): Origins {
    const [left, right] = childrenOf(node);
    if (left === undefined || right === undefined) return noOrigins;
    if (node.kind === "CompoundAssignOperator") return this.contentOf(this.locationOf(left), left);
    switch (node.opcode) {
      case "=":
      case ",":
        return this.valueOf(right);
      case "+":
      case "-":
        if (isPointer(node)) return this.valueOf(isPointer(left) ? left : right);
        return isPointer(left) ? noOrigins : union(this.valueOf(left), this.valueOf(right));
      case "&":
      case "|":
      case "^":
        return union(this.valueOf(left), this.valueOf(right));
      default:
        return noOrigins;
    }
  }

  #callValue(node: AstNode): Origins {
    const mapCall = mapCallOf(node, this.#maps);
    if (mapCall !== undefined) {
      return /^(?:lookup|.*_storage_get$)/.test(mapCall.method)
        ? new Set([`map:${mapCall.map}`])
        : otherOrigin;
    }
    const called = this.#calledFunctions(node);
    if (called.length > 0) {
      let found = noOrigins;
      for (const { name } of called) found = union(found, this.#cell(`return:${name}`));
      return found;
    }
    const name = calleeOf(node);
    if (name === undefined) return noOrigins;
    if (name === "bpf_get_current_task") return kernelOrigin;
    if (name === "bpf_get_current_task_btf" || name === "bpf_task_pt_regs") return trustedOrigin;
    if (name.startsWith("bpf_")) return isPointer(node) ? otherOrigin : noOrigins;
    return this.#unionOf(childrenOf(node).slice(1));
  }

  #cell(key: string): Set<MemoryObject> {
    let cell = this.#cells.get(key);
    if (cell === undefined) {
      cell = new Set();
      this.#cells.set(key, cell);
    }
    return cell;
  }

  #add(key: string, origins: Origins, cause?: Cause): void {
    if (origins.size === 0) return;
    const cell = this.#cell(key);
    for (const origin of origins) {
      if (!cell.has(origin)) {
        cell.add(origin);
        this.#changed = true;
        const isExternal = origin === "kernel" || origin === "user";
        if (isExternal && cause !== undefined && !this.#causes.has(key)) this.#causes.set(key, cause);
      }
    }
  }

  #store(location: Location, value: Origins, node: AstNode): void {
    const cause = { kind: "expression", node } as const;
    if (location.field !== undefined) this.#add(this.#fieldCell(location.field), value, cause);
    else for (const object of location.objects) if (isCell(object)) this.#add(object, value, cause);
  }

  /** How the variable that an expression starts from came to hold a pointer; undefined where nothing was recorded. */
  causeOf(node: AstNode): Cause | undefined {
    const { id, kind } = node.referencedDecl ?? {};
    return kind === "VarDecl" || kind === "ParmVarDecl" ? this.#causes.get(`variable:${id}`) : undefined;
  }

  /** The members of one union are one cell: they lie in the same bytes. */
  #fieldCell(field: string): string {
    const owner = this.#declarations.ownerOfField.get(field);
    return owner?.tagUsed === "union" ? `field:${owner.id}` : `field:${field}`;
  }

  #addParameters(definition: FunctionDefinition): void {
    if (definition.isStatic) return;
    const [context, ...rest] = definition.parameters;
    if (context === undefined) return;
    const kind = contextKind(definition.name, typeOf(context));
    this.#add(`variable:${context.id}`, new Set([`context:${definition.name}:${kind}`]));
    const origin = isSyscallProgram(definition.name) ? userOrigin : kernelOrigin;
    for (const parameter of rest)
      this.#add(`variable:${parameter.id}`, kind === "trusted" ? trustedOrigin : origin, {
        kind: "parameter",
        node: parameter,
        program: definition.name,
      });
  }

  /** One pass over a function: every node that moves values. Iterative over statements. */
  #visit(definition: FunctionDefinition): void {
    const stack: AstNode[] = [definition.body];
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      if (node.kind === "UnaryExprOrTypeTraitExpr") continue;
      for (const child of childrenOf(node)) stack.push(child);
      if (node.kind === "VarDecl") this.#initialise(`variable:${node.id}`, initialiserOf(node));
      else if (node.kind === "CompoundLiteralExpr") this.#initialise(`variable:${node.id}`, childOf(node, 0));
      else if (node.kind === "CallExpr") this.#call(node);
      else if (node.kind === "ReturnStmt") {
        const value = childOf(node, 0);
        if (value !== undefined) this.#add(`return:${definition.name}`, this.valueOf(value));
      } else if (
        node.kind === "CompoundAssignOperator" ||
        (node.kind === "BinaryOperator" && node.opcode === "=")
      ) {
        const [left, right] = childrenOf(node);
        if (left === undefined || right === undefined) continue;
        if (node.opcode !== "=" && isPointer(left)) continue;
        this.#store(this.locationOf(left), this.valueOf(right), right);
      }
    }
  }

  #initialise(key: string, initialiser: AstNode | undefined): void {
    if (initialiser === undefined) return;
    const list = withoutImplicit(initialiser);
    if (list.kind !== "InitListExpr") {
      this.#add(key, this.valueOf(initialiser), { kind: "expression", node: initialiser });
      return;
    }
    // Designators are not in the AST by name: every element may be any member.
    const stack: AstNode[] = [list];
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      if (node.kind === "InitListExpr") stack.push(...childrenOf(node));
      else this.#add(key, this.valueOf(node));
    }
  }

  #call(node: AstNode): void {
    const parameters = childrenOf(node).slice(1);
    const mapCall = mapCallOf(node, this.#maps);
    if (mapCall !== undefined) {
      this.#mapCall(mapCall.map, mapCall.method, parameters);
      return;
    }
    const name = calleeOf(node) ?? "";
    const called = this.#calledFunctions(node);
    for (const definition of called) {
      definition.parameters.forEach((parameter, index) => {
        const value = parameters[index];
        if (value !== undefined)
          this.#add(`variable:${parameter.id}`, this.valueOf(value), { kind: "expression", node: value });
      });
    }
    if (called.length > 0) return;
    if (/^bpf_(?:probe_read|copy_from_user)/.test(name)) {
      const [target] = parameters;
      if (target === undefined) return;
      const origin = name.includes("user") ? userOrigin : kernelOrigin;
      for (const object of this.valueOf(target))
        if (isCell(object)) this.#add(object, origin, { kind: "expression", node });
    } else if (/^(?:__builtin_)?mem(?:cpy|move)$/.test(name)) {
      const [target, source] = parameters;
      if (target !== undefined && source !== undefined)
        this.#copy(this.valueOf(target), this.valueOf(source));
    }
  }

  #mapCall(map: string, method: string, parameters: readonly AstNode[]): void {
    const value = parameters[method === "push" ? 0 : 1];
    if (/^(?:update|insert|push|lookup_or_)/.test(method) && value !== undefined) {
      this.#copy(new Set([`map:${map}`]), this.valueOf(value));
    } else if ((method === "pop" || method === "peek") && parameters[0] !== undefined) {
      this.#copy(this.valueOf(parameters[0]), new Set([`map:${map}`]));
    }
  }

  #copy(targets: Origins, sources: Origins): void {
    let content: Origins = noOrigins;
    for (const source of sources) content = union(content, this.#contentOfObject(source, undefined));
    for (const target of targets) if (isCell(target)) this.#add(target, content);
  }
}

function isCell(object: MemoryObject): boolean {
  return object.startsWith("variable:") || object.startsWith("map:");
}

/** The initialiser of a variable: its only child that is an expression. */
export function initialiserOf(node: AstNode): AstNode | undefined {
  return childrenOf(node).findLast(
    (child) =>
      child.kind?.endsWith("Expr") || child.kind?.endsWith("Operator") || child.kind?.endsWith("Literal"),
  );
}

/** A type marked `__user` makes what it points to user memory. */
function retag(origins: Origins, node: AstNode): Origins {
  const isExternal = origins.has("kernel") || origins.has("trusted");
  if (!isExternal || !(node.type?.qualType ?? "").includes(userTag)) return origins;
  const kept = [...origins].filter((object) => object !== "kernel" && object !== "trusted");
  return new Set([...kept, "user"]);
}

function changesRecord(node: AstNode, child: AstNode): boolean {
  const after = /struct (\w+)/.exec(typeOf(node))?.[1];
  const before = /struct (\w+)/.exec(typeOf(child))?.[1];
  return isPointer(node) && after !== before;
}
