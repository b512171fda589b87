/** Index of the declarations that rewriting needs: functions with bodies, fields, variables at file scope. */
import { type AstNode, childrenOf, typeOf } from "./node.ts";
import { expansionOf } from "./source-location.ts";

/** A function defined in an editable text. */
export interface FunctionDefinition {
  readonly node: AstNode;
  readonly name: string;
  readonly parameters: readonly AstNode[];
  readonly body: AstNode;
  readonly isStatic: boolean;
  /** File that holds the definition, or the macro use it came from. */
  readonly file: string;
}

/** What an AST declares, for one set of editable files. */
export class Declarations {
  readonly functions = new Map<string, FunctionDefinition>();
  /** Names of functions declared anywhere, with whether they are static. */
  readonly prototypes = new Map<string, AstNode>();
  /** File-scope variables of editable files, in order. */
  readonly variables: AstNode[] = [];
  /** Ids of members of structures that editable files define. */
  readonly ownFields = new Set<string>();
  readonly fields = new Map<string, AstNode>();
  /** Name of the structure that declares a member. */
  readonly recordOfField = new Map<string, string>();
  /** The structure itself. */
  readonly ownerOfField = new Map<string, AstNode>();
  /** Structures that editable files define, by tag. */
  readonly ownRecords = new Map<string, AstNode>();

  /** Typedefs of structures without a tag. */
  readonly recordTypedefs = new Set<string>();

  constructor(root: AstNode, editable: (file: string) => boolean) {
    for (const node of childrenOf(root)) {
      const file = expansionOf(node.loc)?.file ?? expansionOf(node.range?.begin)?.file ?? "";
      const isOwn = editable(file);
      if (node.kind === "FunctionDecl") this.#addFunction(node, file, isOwn);
      else if (node.kind === "VarDecl" && isOwn) this.variables.push(node);
      else if (node.kind === "RecordDecl") this.#addRecord(node, isOwn);
      else if (
        node.kind === "TypedefDecl" &&
        node.name !== undefined &&
        /^(?:struct|union) /.test(typeOf(node))
      ) {
        this.recordTypedefs.add(node.name);
      }
    }
  }

  #addFunction(node: AstNode, file: string, isOwn: boolean): void {
    const name = node.name ?? "";
    if (!this.prototypes.has(name) || node.storageClass === "static") this.prototypes.set(name, node);
    const body = childrenOf(node).find((child) => child.kind === "CompoundStmt");
    if (body === undefined || !isOwn) return;
    const parameters = childrenOf(node).filter((child) => child.kind === "ParmVarDecl");
    const isStatic = this.prototypes.get(name)?.storageClass === "static";
    this.functions.set(name, { node, name, parameters, body, isStatic, file });
    this.#addLocalRecords(body);
  }

  /** Structures declared inside a function. */
  #addLocalRecords(body: AstNode): void {
    const stack: AstNode[] = [body];
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      if (node.kind === "RecordDecl") this.#addRecord(node, true);
      else stack.push(...childrenOf(node));
    }
  }

  /** Structures nest, so this keeps its own stack. */
  #addRecord(root: AstNode, isOwn: boolean): void {
    const stack: { node: AstNode; name: string }[] = [{ node: root, name: root.name ?? "" }];
    for (let item = stack.pop(); item !== undefined; item = stack.pop()) {
      const { node, name } = item;
      if (isOwn && node.completeDefinition && node.name !== undefined) this.ownRecords.set(node.name, node);
      for (const child of childrenOf(node)) {
        if (child.kind === "RecordDecl") stack.push({ node: child, name: child.name ?? name });
        else if (child.kind === "FieldDecl" && child.id !== undefined) {
          this.fields.set(child.id, child);
          this.recordOfField.set(child.id, name);
          this.ownerOfField.set(child.id, node);
          if (isOwn) this.ownFields.add(child.id);
        }
      }
    }
  }
}
