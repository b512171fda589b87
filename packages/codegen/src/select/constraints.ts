/** The constraints of inline assembly as IR writes them: `=&r,r,0,!i,~{r1},*m`. */
import type { Register } from "../machine/register.ts";
import { Refusal } from "./refuse.ts";
import type { Selector } from "./selector.ts";

/** One constraint. */
export interface Constraint {
  /** The letters, `r`, `ri`, `{r1}`, or the number of the output it is tied to. */
  readonly code: string;
  readonly isOutput: boolean;
  readonly isIndirect: boolean;
  readonly isClobber: boolean;
  /** A label of asm goto. */
  readonly isLabel: boolean;
  /** The output is written before all inputs are read. */
  readonly earlyClobber: boolean;
}

/** Splits the list; `|` between alternatives ends a constraint's first, which is the one that is taken. */
export function parseConstraints(s: Selector, text: string): Constraint[] {
  if (text === "") return [];
  return text.split(",").map((part) => {
    const match = /^([=+&*~!%]*)(.*)$/.exec(part.split("|")[0] as string);
    if (match === null) throw s.refuse(Refusal.Assembly, `the constraint "${part}" is unknown`);
    const [, modifiers = "", code = ""] = match;
    return {
      code,
      isOutput: modifiers.includes("="),
      isIndirect: modifiers.includes("*"),
      isClobber: modifiers.includes("~"),
      isLabel: modifiers.includes("!"),
      earlyClobber: modifiers.includes("&"),
    };
  });
}

const letters = { register: /[rwgX]/, immediate: /[insgXIJKLMNOP]/, memory: /[mogXV]/ } as const;

/** Whether an operand may be of a kind. */
export function allows(constraint: Constraint, kind: keyof typeof letters): boolean {
  if (fixedRegister(constraint.code) !== undefined) return kind === "register";
  return letters[kind].test(constraint.code);
}

/** The register that `{r1}` and `{w1}` name. */
export function fixedRegister(code: string): Register | undefined {
  const match = /^\{[rw](\d|10)\}$/.exec(code);
  return match === null ? undefined : Number(match[1]);
}
