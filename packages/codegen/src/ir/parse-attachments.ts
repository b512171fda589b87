/** Parses metadata attachments of instructions, functions and globals. */
import type { Attachment } from "./instruction.ts";
import { Token } from "./lexer.ts";
import { parseMetadataNode } from "./parse-metadata.ts";
import type { ParserState } from "./parser-state.ts";

/** Parses `!dbg !1 !other !2`; returns the id of `!dbg` and appends the others. */
export function parseAttachments(state: ParserState, attachments: Attachment[]): number | undefined {
  const lexer = state.lexer;
  let debug: number | undefined;
  while (lexer.kind === Token.Metadata && !lexer.startsLine) {
    const name = lexer.value;
    lexer.next();
    const id = parseNodeReference(state);
    if (name === "dbg") debug = id;
    else attachments.push({ name, id });
  }
  return debug;
}

/** Parses `!12`, or an inline node, which gets a number of its own. */
export function parseNodeReference(state: ParserState): number {
  const lexer = state.lexer;
  if (lexer.kind === Token.Metadata) {
    const code = lexer.value.charCodeAt(0);
    if (code >= 48 && code <= 57) return lexer.takeNumberOf();
  }
  return state.metadata.add(parseMetadataNode(state));
}
