/** Gives every place of an AST its file: clang prints a file name only where it changes. */
import type { AstLocation, AstNode } from "./node.ts";

/**
 * Fills `file` into each place in the order clang printed them. Iterative: hostile input nests deeply.
 * Modifies the tree.
 */
export function resolveFiles(root: AstNode): void {
  let file = "";
  const place = (location: AstLocation | undefined): void => {
    if (location === undefined) return;
    if (location.spellingLoc !== undefined || location.expansionLoc !== undefined) {
      place(location.spellingLoc);
      place(location.expansionLoc);
      return;
    }
    if (location.offset === undefined) return;
    if (location.file !== undefined) file = plainPath(location.file);
    location.file = file;
  };
  const stack: unknown[] = [root];
  while (stack.length > 0) {
    const value = stack.pop();
    if (Array.isArray(value)) {
      for (let index = value.length - 1; index >= 0; index -= 1) stack.push(value[index]);
    } else if (typeof value === "object" && value !== null) {
      const node = value as AstNode;
      place(node.loc);
      place(node.range?.begin);
      place(node.range?.end);
      if (node.array_filler !== undefined) stack.push(node.array_filler);
      if (node.inner !== undefined) stack.push(node.inner);
    }
  }
}

/** A path without `.` and `..` on the way: clang joins the folder of the including file and the name as written. */
export function plainPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "." || (part === "" && parts.length > 0)) continue;
    if (part === ".." && parts.length > 0 && parts.at(-1) !== ".." && parts.at(-1) !== "") parts.pop();
    else parts.push(part);
  }
  return parts.join("/");
}

/** A token in a text file. */
export interface TokenPlace {
  readonly file: string;
  readonly offset: number;
  /** Exclusive. */
  readonly end: number;
}

/** Where a token was written: in the file, in a macro's argument or in a macro's definition. */
export function spellingOf(location: AstLocation | undefined): TokenPlace | undefined {
  return placeOf(location?.spellingLoc ?? location);
}

/** Where a token lies after expansion: the name of the outermost macro, or the token itself. */
export function expansionOf(location: AstLocation | undefined): TokenPlace | undefined {
  return placeOf(location?.expansionLoc ?? location);
}

/** True for a token that came out of a macro. */
export function isFromMacro(location: AstLocation | undefined): boolean {
  return location?.expansionLoc !== undefined;
}

function placeOf(location: AstLocation | undefined): TokenPlace | undefined {
  if (location?.offset === undefined || location.file === undefined) return undefined;
  return { file: location.file, offset: location.offset, end: location.offset + (location.tokLen ?? 0) };
}
