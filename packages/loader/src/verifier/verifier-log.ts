/** The parts of a verifier log that explain a rejection. */

/** What is left of a log when the walk over the instructions is taken away. */
export interface LogEnd {
  /** Slot of the last instruction that was looked at; undefined where none was. */
  readonly lastSlot: number | undefined;
  /** Lines that complain, in order; without statistics and states. */
  readonly lines: readonly string[];
}

/** Statistics at the end (`processed 7 insns ...`), and states that are printed for comparison. */
const noise =
  /^(?:arg#\d+ reference type\('UNKNOWN '\)|processed \d+ insns|verification time|stack depth|(?:cur|old) state:|peak_states|max_states_per_insn)/;
const instructionLine = /^(\d+): \([0-9a-f]{2}\)/;
/** `0: R1=ctx() R10=fp0`, `from 3 to 5: R0=...`, `; return 0; @ a.c:5`, `mark_precise: frame0: ...`. */
const walkLine =
  /^(?:\d+: (?:frame\d+: )?R\d|from \d+ to \d+|;|mark_precise|func#\d+ @\d+|last_idx|regs=|parent (?:didn't|already)|Validating|.* is (?:safe|global)|\d+: safe|caller:|callee:|returning from|to caller at| frame\d+:| R\d+)/;

/** Takes the end of a log apart. Logs of millions of lines are cheap: only the end is looked at. */
export function logEnd(log: string): LogEnd {
  const lines = log.slice(-100_000).split("\n");
  const complaints: string[] = [];
  for (let index = lines.length - 1; index >= 0; index--) {
    const line = lines[index] ?? "";
    const instruction = instructionLine.exec(line);
    if (instruction !== null) return { lastSlot: Number(instruction[1]), lines: complaints };
    if (line !== "" && !noise.test(line) && !walkLine.test(line)) complaints.unshift(line);
  }
  return { lastSlot: undefined, lines: complaints };
}
