/** The text of a build stage, for `--emit`. */
import { type CompileResult, listing } from "bpfkit";

/** What `--emit STAGE` prints. */
export function stageText(result: CompileResult, stage: string): string {
  switch (stage) {
    case "rewritten":
      return result.rewritten;
    case "ir":
      return result.ir;
    default:
      return listing(result.object);
  }
}
