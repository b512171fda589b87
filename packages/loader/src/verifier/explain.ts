/** A verifier log -> why the program was refused, where, and what to try. */
import { type Complaint, complaints } from "./complaints.ts";
import { logEnd } from "./verifier-log.ts";

/** What a log says. */
export interface Explanation {
  /** Name of the row of {@link complaints}; undefined for a complaint that is not in the table. */
  readonly kind: string | undefined;
  /** The verifier's own words. */
  readonly words: string;
  /** In the user's terms. */
  readonly reason: string | undefined;
  readonly advice: string | undefined;
  /** Slot of the instruction that it is about, in the program as loaded. */
  readonly slot: number | undefined;
}

/** More of the verifier's words than this is not shown in a message. */
const longestWords = 300;

/** Explains a log; undefined where there is nothing in it. */
export function explainLog(log: string): Explanation | undefined {
  const { lastSlot, lines } = logEnd(log);
  const said = lines.join("\n");
  if (said === "") return undefined;
  for (const complaint of complaints) {
    const match = complaint.pattern.exec(said);
    if (match !== null) return explanation(complaint, match, lines, lastSlot);
  }
  const words = (lines.at(-1) ?? "").slice(0, longestWords);
  return { kind: undefined, words, reason: undefined, advice: undefined, slot: lastSlot };
}

function explanation(
  complaint: Complaint,
  match: RegExpExecArray,
  lines: readonly string[],
  lastSlot: number | undefined,
): Explanation {
  const { name, reason, advice, slot } = complaint;
  const own = slot === undefined ? lastSlot : slot(match, lastSlot);
  const words = lines.find((line) => line.includes(match[0].split("\n")[0] ?? "")) ?? match[0];
  return {
    kind: name,
    words: words.trim().slice(0, longestWords),
    reason: typeof reason === "string" ? reason : reason(match),
    advice: typeof advice === "string" ? advice : advice(match),
    slot: own,
  };
}
