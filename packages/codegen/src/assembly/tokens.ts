/** Lines of assembly text as tokens, the way LLVM's assembler for BPF cuts them. */
import { BpfkitError } from "@bpfkit/base/diagnostics";

/** A name, a number, a string, or punctuation. */
export interface AsmToken {
  readonly kind: "name" | "number" | "string" | "punctuation";
  readonly text: string;
}

/** `name` with dots and dollars, `1b`; numbers; operators, longest first. */
const pattern =
  /\s*(?:(?<name>[A-Za-z_.$][\w.$@]*)|(?<number>0[xX][0-9A-Fa-f]+|0[bB][01]+|\d+[bf](?![\w.])|\d+|'(?:\\.|[^\\'])')|(?<string>"(?:\\.|[^"\\])*")|(?<punctuation>s>>=|<<=|>>=|==|!=|<=|>=|<<|>>|\+=|-=|\*=|\/=|%=|\|=|&=|\^=|[-+*/%&|^~!<>=()[\],:]))/y;

/** Cuts one statement. @throws BpfkitError EL205 for characters that no instruction has */
export function tokensOf(text: string): AsmToken[] {
  const tokens: AsmToken[] = [];
  pattern.lastIndex = 0;
  let at = 0;
  while (text.slice(at).trim() !== "") {
    pattern.lastIndex = at;
    const groups = pattern.exec(text)?.groups;
    if (groups === undefined) {
      throw new BpfkitError(
        "EL205",
        `"${text.trim()}" has the unexpected character "${text.slice(at).trim()[0]}"`,
      );
    }
    for (const kind of ["name", "number", "string", "punctuation"] as const) {
      const word = groups[kind];
      if (word !== undefined) tokens.push({ kind, text: word });
    }
    at = pattern.lastIndex;
  }
  return tokens;
}

/** A statement and the line of the text that it stands on, counted from 1. */
export interface AsmStatement {
  readonly text: string;
  readonly line: number;
}

/** The statements of a text: lines and what `;` separates, without comments. Text in quotes stays whole. */
export function statementsOf(text: string): AsmStatement[] {
  const plain = text.replace(/\/\*[\s\S]*?\*\//g, (comment) => ` ${comment.replace(/[^\n]/g, "")}`);
  const statements: AsmStatement[] = [];
  plain.split("\n").forEach((line, index) => {
    const add = (statement: string): void => {
      const trimmed = statement.trim();
      if (trimmed !== "") statements.push({ text: trimmed, line: index + 1 });
    };
    let rest = "";
    for (const part of line.match(/"(?:\\.|[^"\\])*"|\/\/.*|#.*|;|[^"#;/]+|[/"]/g) ?? []) {
      if (part.startsWith("//") || part.startsWith("#")) break;
      if (part === ";") {
        add(rest);
        rest = "";
      } else rest += part;
    }
    add(rest);
  });
  return statements;
}
