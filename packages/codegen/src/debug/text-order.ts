/** The order LLVM's sorted containers have: by code units, not by locale. */

/** Compares two strings for `sort`. */
export function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
