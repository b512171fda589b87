/** The metadata table of a parsed text: offsets of all numbered nodes, parsed on first use. */
import type { MetadataNode, MetadataTable } from "./metadata.ts";
import { parseMetadataNode } from "./parse-metadata.ts";
import type { ParserState } from "./parser-state.ts";

/** Ids above this are refused: no real module comes near. */
const maxId = 1 << 24;

/** Numbered nodes, as offsets into the text until they are asked for. */
export class MetadataNodes implements MetadataTable {
  /** Offset of each node's text; 0 where the id is not in use. */
  private readonly offsets: number[] = [];
  private readonly nodes = new Map<number, MetadataNode>();
  private readonly state: ParserState;
  private next = 0;

  constructor(state: ParserState) {
    this.state = state;
  }

  get size(): number {
    return this.next;
  }

  /** Records where node `id` starts (behind the `=`). */
  record(id: number, offset: number): void {
    if (id > maxId) throw this.state.lexer.error("metadata number out of range");
    this.offsets[id] = offset;
    if (id >= this.next) this.next = id + 1;
  }

  node(id: number): MetadataNode | undefined {
    const known = this.nodes.get(id);
    if (known !== undefined) return known;
    const offset = this.offsets[id];
    if (offset === undefined) return undefined;
    const lexer = this.state.lexer;
    const resume = lexer.start;
    lexer.seek(offset);
    const node = parseMetadataNode(this.state);
    lexer.seek(resume);
    this.nodes.set(id, node);
    return node;
  }

  add(node: MetadataNode): number {
    const id = this.next++;
    this.nodes.set(id, node);
    return id;
  }
}
