/** Splits LLVM IR text into tokens, one at a time, by character codes. */
import { BpfkitError } from "@bpfkit/base/diagnostics";

/** What a token is. Punctuation has the character itself in `punct`. */
export const Token = {
  End: 0,
  /** `define`, `i32`, `noundef`, `DW_TAG_member`. */
  Word: 1,
  /** `name:` and `12:` at the start of a block or a metadata field. */
  Label: 2,
  /** `%name` */
  Local: 3,
  /** `@name` */
  Global: 4,
  /** `!name` or `!12`; a lone `!` is punctuation. */
  Metadata: 5,
  /** `#12` */
  Group: 6,
  Integer: 7,
  Float: 8,
  /** `"text"` */
  Text: 9,
  /** `c"text"` */
  Bytes: 10,
  /** `$name` */
  Comdat: 11,
  /** `...` */
  Ellipsis: 12,
  /** `#dbg_value` and its kin */
  DebugRecord: 13,
  Punct: 14,
} as const;
/** A token kind. */
export type Token = (typeof Token)[keyof typeof Token];

const NEWLINE = 10;
const QUOTE = 34;
const BACKSLASH = 92;

/** 1: may continue a name (letters, digits, `-$._`); 2: digit as well; 4: white space. */
const classes = new Uint8Array(256);
for (let code = 0; code < 128; code++) {
  const letter = (code >= 65 && code <= 90) || (code >= 97 && code <= 122);
  const digit = code >= 48 && code <= 57;
  if (letter || digit || code === 45 || code === 36 || code === 46 || code === 95) classes[code] = 1;
  if (digit) classes[code] = 3;
  if (code === 32 || code === 9 || code === 10 || code === 13) classes[code] = 4;
}

const utf8 = new TextDecoder();
const toUtf8 = new TextEncoder();

/** Names and words met before, by hash: the same text gives the same string object, which is quick to compare. */
const internedBits = 13;

/** A cursor over the text; the current token is in the public fields. */
export class Lexer {
  readonly text: string;
  readonly fileName: string;
  /** Kind of the current token. */
  kind: Token = Token.End;
  /** Name, word, number or raw string content, without sigils and quotes. */
  value = "";
  /** Character code of punctuation, else 0. */
  punct = 0;
  /** Offset of the first character of the current token. */
  start = 0;
  /** Offset behind the current token. */
  end = 0;
  /** True where the current token is the first of its line. */
  startsLine = true;

  private readonly interned: string[] = new Array<string>(1 << internedBits).fill("");

  constructor(text: string, fileName: string) {
    this.text = text;
    this.fileName = fileName;
  }

  /** Reads the token that starts at or after an offset. */
  seek(offset: number): void {
    this.end = offset;
    this.next();
  }

  /** Moves to the next token. */
  next(): void {
    const text = this.text;
    let at = this.end;
    let code = text.charCodeAt(at);
    this.startsLine = at === 0;
    for (;;) {
      if (code === NEWLINE) this.startsLine = true;
      if (code < 128 && (classes[code] as number) === 4) code = text.charCodeAt(++at);
      else if (code === 59) {
        at = this.lineEnd(at);
        code = text.charCodeAt(at);
      } else break;
    }
    this.start = at;
    this.punct = 0;
    if (Number.isNaN(code)) {
      this.kind = Token.End;
      this.value = "";
      this.end = text.length;
      return;
    }
    if (code < 128 && ((classes[code] as number) & 1) !== 0) this.word(at, code);
    else this.symbol(at, code);
  }

  /** Skips the rest of the current line; the current token becomes the first one behind it. */
  skipLine(): void {
    this.end = this.lineEnd(this.start);
    this.next();
  }

  /** The offset of the newline at or after an offset, or the end of the text. */
  lineEnd(offset: number): number {
    const at = this.text.indexOf("\n", offset);
    return at < 0 ? this.text.length : at;
  }

  /** True where the current token is this punctuation character. */
  is(character: string): boolean {
    return this.punct === character.charCodeAt(0);
  }

  /** True where the current token is of this kind; for places where the compiler thinks it knows the kind. */
  at(kind: Token): boolean {
    return this.kind === kind;
  }

  /** True where the current token is this word. */
  isWord(word: string): boolean {
    return this.kind === Token.Word && this.value === word;
  }

  /** Consumes the punctuation character if it is next. */
  accept(character: string): boolean {
    if (this.punct !== character.charCodeAt(0)) return false;
    this.next();
    return true;
  }

  /** Consumes the word if it is next. */
  acceptWord(word: string): boolean {
    if (this.kind !== Token.Word || this.value !== word) return false;
    this.next();
    return true;
  }

  /** Consumes the punctuation character or fails. */
  expect(character: string): void {
    if (!this.accept(character)) throw this.error(`expected '${character}'`);
  }

  /** Consumes the word or fails. */
  expectWord(word: string): void {
    if (!this.acceptWord(word)) throw this.error(`expected '${word}'`);
  }

  /** Consumes a token of a kind and returns its text. */
  take(kind: Token, what: string): string {
    if (this.kind !== kind) throw this.error(`expected ${what}`);
    const value = this.value;
    this.next();
    return value;
  }

  /** Consumes a non-negative integer below 2 ** 32. */
  takeNumber(): number {
    const value = Number(this.take(Token.Integer, "a number"));
    if (!(value >= 0 && value <= 0xffffffff)) throw this.error("number out of range");
    return value;
  }

  /** Consumes a token and returns the number in it: of `#12`, `!12`, `%12`. */
  takeNumberOf(): number {
    const text = this.value;
    let value = text.length === 0 || text.length > 10 ? Number.NaN : 0;
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      value = (classes[code] as number) === 3 ? value * 10 + (code - 48) : Number.NaN;
    }
    if (!(value <= 0xffffffff)) throw this.error("expected a number");
    this.next();
    return value;
  }

  /** An error at the current token. */
  error(message: string): BpfkitError {
    const before = this.text.slice(0, this.start);
    const line = before.split("\n").length;
    const column = this.start - before.lastIndexOf("\n");
    const found = this.kind === Token.End ? "the end of the text" : `'${this.found()}'`;
    const full = `malformed LLVM IR: ${message}, found ${found}`;
    const lineText = this.text.slice(this.start - column + 1, this.lineEnd(this.start));
    return new BpfkitError("CG001", `${this.fileName}:${line}:${column}: ${full}`, {
      diagnostics: [
        {
          severity: "error",
          code: "CG001",
          message: full,
          range: { file: this.fileName, line, column },
          sourceLine: lineText.slice(0, 400),
        },
      ],
    });
  }

  private found(): string {
    return this.text.slice(this.start, Math.min(this.end, this.start + 40));
  }

  /** The text between two offsets, as the string object that was made for it before where possible. */
  private intern(start: number, end: number, hash: number): string {
    const slot = (hash ^ (hash >>> internedBits)) & ((1 << internedBits) - 1);
    const known = this.interned[slot] as string;
    if (known.length === end - start && this.text.startsWith(known, start)) return known;
    const made = this.text.slice(start, end);
    this.interned[slot] = made;
    return made;
  }

  /** A token that starts like a name or a number. */
  private word(start: number, first: number): void {
    const text = this.text;
    let at = start + 1;
    let code = text.charCodeAt(at);
    let digits = first === 45 || (classes[first] as number) === 3;
    let hash = first;
    while (code < 128 && ((classes[code] as number) & 1) !== 0) {
      if ((classes[code] as number) !== 3) digits = false;
      hash = (Math.imul(hash, 31) + code) | 0;
      code = text.charCodeAt(++at);
    }
    this.end = at;
    if (code === 58) {
      this.kind = Token.Label;
      this.value = this.intern(start, at, hash);
      this.end = at + 1;
      return;
    }
    if (code === QUOTE && first === 99 && at === start + 1) {
      this.quoted(at, Token.Bytes);
      return;
    }
    this.value = this.intern(start, at, hash);
    if (digits && at - start > (first === 45 ? 1 : 0)) this.kind = Token.Integer;
    else if ((classes[first] as number) === 3 || first === 45) this.number(start);
    else if (first === 46 && this.value === "...") this.kind = Token.Ellipsis;
    else if (first === 36) {
      this.kind = Token.Comdat;
      this.value = text.slice(start + 1, at);
    } else this.kind = Token.Word;
  }

  /** `1.5e+10` and `0x...`; `+` does not belong to names, so it is added here. */
  private number(start: number): void {
    if (this.text.charCodeAt(this.end) === 43) {
      let at = this.end + 1;
      while ((classes[this.text.charCodeAt(at)] as number) === 3) at++;
      this.end = at;
      this.value = this.text.slice(start, at);
    }
    this.kind = Token.Float;
  }

  /** A token that starts with a sigil, a quote or punctuation. */
  private symbol(at: number, code: number): void {
    switch (code) {
      case 37:
        this.name(at, Token.Local);
        return;
      case 64:
        this.name(at, Token.Global);
        return;
      case 33:
        this.metadata(at);
        return;
      case 35:
        this.name(at, Token.Group);
        if (this.kind === Token.Group && this.value.startsWith("dbg_")) this.kind = Token.DebugRecord;
        return;
      case QUOTE:
        this.quoted(at, Token.Text);
        if (this.text.charCodeAt(this.end) === 58) {
          this.end++;
          this.kind = Token.Label;
        }
        return;
      default:
        this.punctuation(at, code);
    }
  }

  private punctuation(at: number, code: number): void {
    this.kind = Token.Punct;
    this.punct = code;
    this.value = "";
    this.end = at + 1;
  }

  /** A sigil and a bare or quoted name. */
  private name(start: number, kind: Token): void {
    const text = this.text;
    let at = start + 1;
    let code = text.charCodeAt(at);
    if (code === QUOTE) {
      this.quoted(at, kind);
      return;
    }
    let hash = 0;
    while (code < 128 && ((classes[code] as number) & 1) !== 0) {
      hash = (Math.imul(hash, 31) + code) | 0;
      code = text.charCodeAt(++at);
    }
    if (at === start + 1) {
      this.punctuation(start, text.charCodeAt(start));
      return;
    }
    this.kind = kind;
    this.value = this.intern(start + 1, at, hash);
    this.end = at;
  }

  /** `!12`, `!name`, with `\xx` escapes in names; a lone `!` stands before a string or a brace. */
  private metadata(start: number): void {
    const text = this.text;
    let at = start + 1;
    let code = text.charCodeAt(at);
    let escaped = false;
    while ((code < 128 && ((classes[code] as number) & 1) !== 0) || code === BACKSLASH) {
      if (code === BACKSLASH) escaped = true;
      code = text.charCodeAt(++at);
    }
    if (at === start + 1) {
      this.punctuation(start, 33);
      return;
    }
    const raw = text.slice(start + 1, at);
    this.kind = Token.Metadata;
    this.value = escaped ? unescapeText(raw) : raw;
    this.end = at;
  }

  /** A quoted string that starts at `open`; bytes stay escaped, text is decoded. */
  private quoted(open: number, kind: Token): void {
    const close = this.text.indexOf('"', open + 1);
    if (close < 0) {
      this.end = this.text.length;
      throw this.error("unterminated string");
    }
    const raw = this.text.slice(open + 1, close);
    this.kind = kind;
    this.value = kind === Token.Bytes || !raw.includes("\\") ? raw : unescapeText(raw);
    this.end = close + 1;
  }
}

/** The bytes of a quoted string: `\xx` is a byte, `\\` a backslash, the rest UTF-8. */
export function unescapeBytes(raw: string): Uint8Array {
  const plain = toUtf8.encode(raw);
  let length = 0;
  for (let at = 0; at < plain.length; at++) {
    const code = plain[at] as number;
    if (code === BACKSLASH) {
      const high = hexDigit(plain[at + 1]);
      const low = hexDigit(plain[at + 2]);
      if (high >= 0 && low >= 0) {
        plain[length++] = high * 16 + low;
        at += 2;
        continue;
      }
      if (plain[at + 1] === BACKSLASH) at++;
    }
    plain[length++] = code;
  }
  return plain.subarray(0, length);
}

function unescapeText(raw: string): string {
  return utf8.decode(unescapeBytes(raw));
}

function hexDigit(code: number | undefined): number {
  if (code === undefined) return -1;
  if (code >= 48 && code <= 57) return code - 48;
  if (code >= 65 && code <= 70) return code - 55;
  if (code >= 97 && code <= 102) return code - 87;
  return -1;
}
