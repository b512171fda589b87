/** Parses metadata nodes and fields. */
import { Token } from "./lexer.ts";
import type { MetadataField, MetadataNode } from "./metadata.ts";
import { parseConstant } from "./parse-constant.ts";
import { parseType } from "./parse-type.ts";
import type { ParserState } from "./parser-state.ts";

const nullField: MetadataField = { kind: "null" };
const words = new Map<string, MetadataField>();

/** Parses a node: `distinct !DIFoo(...)`, `!{...}`, `!"text"`; the current token is its first. */
export function parseMetadataNode(state: ParserState): MetadataNode {
  const lexer = state.lexer;
  const distinct = lexer.acceptWord("distinct");
  if (lexer.kind === Token.Metadata) {
    const tag = lexer.value;
    lexer.next();
    return parseSpecialised(state, tag, distinct);
  }
  lexer.expect("!");
  return parseAnonymous(state, distinct);
}

/** The part of `!{...}` and `!"text"` behind the exclamation mark. */
function parseAnonymous(state: ParserState, distinct: boolean): MetadataNode {
  const lexer = state.lexer;
  if (lexer.kind === Token.Text) {
    const text = lexer.value;
    lexer.next();
    return { kind: "string", distinct: false, text };
  }
  state.enter();
  lexer.expect("{");
  const elements: MetadataField[] = [];
  if (!lexer.is("}")) {
    do elements.push(parseMetadataField(state));
    while (lexer.accept(","));
  }
  lexer.expect("}");
  state.leave();
  return { kind: "tuple", distinct, elements };
}

function parseSpecialised(state: ParserState, tag: string, distinct: boolean): MetadataNode {
  const lexer = state.lexer;
  state.enter();
  lexer.expect("(");
  const fields = new Map<string, MetadataField>();
  const operands: MetadataField[] = [];
  while (!lexer.is(")")) {
    if (lexer.kind === Token.Label) {
      const name = lexer.value;
      lexer.next();
      fields.set(name, parseMetadataField(state));
    } else operands.push(parseMetadataField(state));
    if (!lexer.accept(",")) break;
  }
  lexer.expect(")");
  state.leave();
  return { kind: "specialised", distinct, tag, fields, operands };
}

/** Parses the value of a field or an element of a tuple. */
export function parseMetadataField(state: ParserState): MetadataField {
  const lexer = state.lexer;
  switch (lexer.kind) {
    case Token.Metadata: {
      const first = lexer.value.charCodeAt(0);
      if (first >= 48 && first <= 57) return { kind: "reference", id: lexer.takeNumberOf() };
      return { kind: "node", node: parseMetadataNode(state) };
    }
    case Token.Text: {
      const text = lexer.value;
      lexer.next();
      return { kind: "string", text };
    }
    case Token.Integer: {
      if (lexer.value.length > 80) throw lexer.error("number too long");
      const value = BigInt(lexer.value);
      lexer.next();
      return { kind: "number", value };
    }
    case Token.Word:
      return parseWordField(state);
    default:
      return parseOtherField(state);
  }
}

function parseOtherField(state: ParserState): MetadataField {
  const lexer = state.lexer;
  if (lexer.accept("!")) {
    const node = parseAnonymous(state, false);
    return node.kind === "string" ? { kind: "string", text: node.text } : { kind: "node", node };
  }
  return parseValueField(state);
}

/** `i64 384`, `ptr @x`, `ptr %p`. */
function parseValueField(state: ParserState): MetadataField {
  const lexer = state.lexer;
  const type = parseType(state);
  if (lexer.kind === Token.Local) {
    const name = lexer.value;
    lexer.next();
    return { kind: "local", name };
  }
  return { kind: "constant", value: parseConstant(state, type) };
}

/** A keyword, keywords joined by `|`, or a value whose type starts with a word. */
function parseWordField(state: ParserState): MetadataField {
  const lexer = state.lexer;
  const word = lexer.value;
  if (word === "null") {
    lexer.next();
    return nullField;
  }
  if (word === "distinct") return { kind: "node", node: parseMetadataNode(state) };
  if (/^(i[0-9]+|ptr|half|bfloat|float|double|target)$/.test(word)) return parseValueField(state);
  lexer.next();
  let text = word;
  while (lexer.accept("|")) {
    text += ` | ${lexer.value}`;
    lexer.next();
  }
  let field = words.get(text);
  if (field === undefined) {
    field = { kind: "keyword", text };
    if (words.size < 1000) words.set(text, field);
  }
  return field;
}
