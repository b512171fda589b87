/** Finds the maps of a program: where they are declared, what they hold, which events go through them. */
import type { Declarations } from "../ast/declarations.ts";
import { type AstNode, childrenOf, typeOf, withoutCasts } from "../ast/node.ts";
import { expansionOf, isFromMacro } from "../ast/source-location.ts";
import type { Finding } from "../report.ts";
import { nextToken } from "../text/scan.ts";
import { mapCallOf } from "./calls.ts";
import { type MapDeclaration, readMapDeclaration } from "./declaration.ts";
import { mapMacro } from "./macros.ts";
import { mapMethod } from "./methods.ts";

/** A map with what the AST says about it. */
export interface FoundMap {
  readonly declaration: MapDeclaration;
  /** Desugared type of the key. */
  readonly keyType: string;
  readonly valueType: string;
  /** Set where the macro use is inside a macro of the user's: the text stays, the code header defines it. */
  readonly isWrapped: boolean;
}

/** Every map by name, in order of declaration. */
export function findMaps(
  declarations: Declarations,
  root: AstNode,
  texts: ReadonlyMap<string, string>,
  resolve: (token: string) => string | undefined,
  refuse: (finding: Finding, file: string, offset: number) => void,
): Map<string, FoundMap> {
  const found = new Map<string, FoundMap>();
  const tables = tableRecords(root);
  for (const variable of declarations.variables) {
    const name = variable.name ?? "";
    const record = tables.get(`${name}_table_t`);
    const use = expansionOf(variable.range?.begin) ?? expansionOf(variable.loc);
    if (record === undefined || use === undefined || !isFromMacro(variable.range?.begin)) continue;
    const text = texts.get(use.file) ?? "";
    const macro = nextToken(text, use.offset)?.text ?? "";
    if (mapMacro(macro) === undefined) {
      refuse(
        {
          code: "RW012",
          message: `the map '${name}' is declared inside the macro ${macro}`,
          hint: "Write the map macro (BPF_HASH, BPF_ARRAY ...) directly at file scope.",
        },
        use.file,
        use.offset,
      );
      continue;
    }
    const declaration = readMapDeclaration(text, use.file, macro, use.offset, resolve);
    if ("problem" in declaration) {
      const { problem, hint } = declaration;
      refuse(
        { code: "RW011", message: problem, ...(hint === undefined ? {} : { hint }) },
        use.file,
        use.offset,
      );
      continue;
    }
    const members = new Map(childrenOf(record).map((field) => [field.name, field]));
    const keyType = typeOf(members.get("key") ?? {});
    const valueType = typeOf(members.get("leaf") ?? {});
    found.set(name, { declaration: { ...declaration, name }, keyType, valueType, isWrapped: false });
  }
  return found;
}

function tableRecords(root: AstNode): Map<string, AstNode> {
  const found = new Map<string, AstNode>();
  for (const node of childrenOf(root)) {
    if (node.kind === "RecordDecl" && node.name?.endsWith("_table_t")) found.set(node.name, node);
  }
  return found;
}

/** The type of the records that go through each perf or ring buffer: that of the last call's data. */
export function findEvents(declarations: Declarations, maps: ReadonlySet<string>): Map<string, string> {
  const found = new Map<string, string>();
  for (const { body } of declarations.functions.values()) {
    const stack: AstNode[] = [body];
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      for (const child of childrenOf(node)) stack.push(child);
      const call = node.kind === "CallExpr" ? mapCallOf(node, maps) : undefined;
      const event = call === undefined ? undefined : mapMethod(call.method)?.event;
      const data = event === undefined ? undefined : childrenOf(node)[event + 1];
      const type = data === undefined ? undefined : recordPointee(withoutCasts(data), declarations);
      if (call !== undefined && type !== undefined && !found.has(call.map)) found.set(call.map, type);
    }
  }
  return found;
}

/** `struct data_t` of `struct data_t *`, as the source spells it; undefined for other pointers. */
function recordPointee(node: AstNode, declarations: Declarations): string | undefined {
  const isRecord = /^(?:const |volatile )*(?:struct|union) .*\*$/.test(typeOf(node));
  const spelled = /^(.*?)\s*\*$/
    .exec(node.type?.qualType ?? "")?.[1]
    ?.replace(/\b(?:const|volatile)\b\s*/g, "");
  if (spelled === undefined || spelled.includes("(")) return undefined;
  return isRecord || declarations.recordTypedefs.has(spelled) ? spelled : undefined;
}
