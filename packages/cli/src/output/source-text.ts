/** Lines of the user's files, to be shown with diagnostics. */
import { readFileSync } from "node:fs";

/** A file's text; undefined where it cannot be read: it is only decoration, the message says file and line already. */
export function sourceText(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
