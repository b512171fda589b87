/** Splits C text into what matters for finding names: identifiers and punctuation, with comments and literals gone. */

/** Either an identifier, or one character of punctuation. */
export interface CToken {
  readonly text: string;
  readonly isName: boolean;
  /** True inside a preprocessor directive. */
  readonly inDirective: boolean;
}

const Lexeme =
  /\/\/(?:\\\r?\n|[^\n])*|\/\*[\s\S]*?(?:\*\/|$)|"(?:\\[\s\S]|[^"\\\n])*"?|'(?:\\[\s\S]|[^'\\\n])*'?|[A-Za-z_$][\w$]*|\.?\d(?:[eEpP][+-]|[\w.])*|\\\r?\n|\n|[^\s]/g;

/** The tokens of a text, not preprocessed. Numbers and literals are left out. Any text is taken; it need not be C. */
export function cTokens(text: string): CToken[] {
  const tokens: CToken[] = [];
  let inDirective = false;
  let atLineStart = true;
  for (const [lexeme] of text.matchAll(Lexeme)) {
    const first = lexeme.charCodeAt(0);
    if (lexeme === "\n") {
      inDirective = false;
      atLineStart = true;
      continue;
    }
    if (first === Slash && lexeme.length > 1) continue;
    if (first === Backslash && lexeme.length > 1) continue;
    if (first === Hash && atLineStart) inDirective = true;
    atLineStart = false;
    if (first === Quote || first === Apostrophe || isDigit(lexeme.codePointAt(first === Dot ? 1 : 0)))
      continue;
    tokens.push({ text: lexeme, isName: isNameStart(first), inDirective });
  }
  return tokens;
}

const Hash = 0x23;
const Slash = 0x2f;
const Backslash = 0x5c;
const Quote = 0x22;
const Apostrophe = 0x27;
const Dot = 0x2e;

function isDigit(code: number | undefined): boolean {
  return code !== undefined && code >= 0x30 && code <= 0x39;
}

function isNameStart(code: number): boolean {
  const letter = code | 0x20;
  return (letter >= 0x61 && letter <= 0x7a) || code === 0x5f || code === 0x24;
}
