/** Turns accesses to members of packet headers into loads and stores of packet bytes, and adds the packet to calls that BCC lets do without. */
import type { FunctionDefinition } from "../ast/declarations.ts";
import type { ExtentFinder, MemberExtent } from "../ast/extent.ts";
import { type AstNode, accessOf, childOf, childrenOf, typeOf, withoutParentheses } from "../ast/node.ts";
import { spellingOf } from "../ast/source-location.ts";
import { calleeOf } from "../maps/calls.ts";
import type { PointerAnalysis } from "../memory/pointer-analysis.ts";
import type { Explanation } from "../memory/probe-read.ts";
import { storeTarget } from "../memory/probe-read.ts";
import type { Finding } from "../report.ts";
import type { TextEdits } from "../text/edits.ts";
import { nextToken, skipBlank } from "../text/scan.ts";
import type { PacketField, PacketFields } from "./header-layout.ts";

/** What rewriting of packet accesses needs. */
export interface PacketContext {
  readonly fields: PacketFields;
  readonly analysis: PointerAnalysis;
  readonly extents: ExtentFinder;
  readonly texts: ReadonlyMap<string, string>;
  readonly edits: ReadonlyMap<string, TextEdits>;
  readonly report: (finding: Finding, node: AstNode) => void;
  readonly explain: (explanation: Explanation) => void;
}

/** BCC's checksum builtins -> macros of bcc/packet.h that take the packet too. */
const checksumCalls: Readonly<Record<string, string>> = {
  incr_cksum_l3: "bpf_incr_cksum_l3",
  incr_cksum_l4: "bpf_incr_cksum_l4",
};

/** A member of a packet header in the text. */
interface Access {
  readonly field: PacketField;
  readonly extent: MemberExtent;
  readonly operator: { readonly start: number; readonly end: number };
  readonly text: string;
  readonly edits: TextEdits;
}

/** Rewrites the packet accesses of one program. */
export class PacketRewriter {
  readonly #context: PacketContext;
  readonly #written = new Set<AstNode>();
  #definition: FunctionDefinition | undefined;

  constructor(context: PacketContext) {
    this.#context = context;
  }

  /** The function whose body is visited next. */
  enter(definition: FunctionDefinition): void {
    this.#definition = definition;
  }

  /** Rewrites a load of a member. False for other loads. */
  read(cast: AstNode): boolean {
    const loaded = withoutParentheses(childOf(cast, 0) ?? cast);
    const element = elementOf(loaded);
    const member = element?.array ?? loaded;
    if (!this.#isPacketMember(member)) return false;
    if (this.#written.has(member)) return true;
    const access = this.#access(member);
    const packet = this.#packet(member);
    if (access === undefined || packet === undefined) return true;
    const { field, extent, operator, edits } = access;
    if (field.isArray !== (element !== undefined)) return true;
    const start = `bpf_dext_pkt(${packet}, (u64)`;
    if (element === undefined) {
      edits.wrap(extent.start, operator.start, start, "", "packet");
      edits.replace(operator.start, extent.end, ` + ${placeOf(field)})`);
    } else {
      const whole = this.#context.extents.find(loaded);
      const open = skipBlank(access.text, extent.end);
      if (whole === undefined || whole.file !== extent.file || access.text[open] !== "[") {
        this.#refuseMacro(loaded);
        return true;
      }
      edits.wrap(extent.start, operator.start, start, "", "packet");
      edits.replace(operator.start, open + 1, ` + ${field.bitOffset / 8} + (`);
      const scale = field.bits === 8 ? "" : ` * ${field.bits / 8}`;
      edits.replace(whole.end - 1, whole.end, `)${scale}, 0, ${field.bits})`);
    }
    this.#explain(access, "it is a member of a packet header");
    return true;
  }

  /** Rewrites a store to a member, or a change of it. False for other nodes. */
  write(node: AstNode): boolean {
    const target = storeTarget(node);
    const member = target === undefined ? undefined : withoutParentheses(target);
    if (member === undefined || !this.#isPacketMember(member)) return false;
    this.#written.add(member);
    const access = this.#access(member);
    const packet = this.#packet(member);
    if (access === undefined || packet === undefined) return true;
    const { extent, operator, text, edits, field } = access;
    const base = text.slice(extent.start, operator.start).trim();
    const start = `bpf_dins_pkt(${packet}, (u64)`;
    const place = placeOf(field);
    if (node.kind === "UnaryOperator") {
      const change = node.opcode === "++" ? "+ 1" : "- 1";
      const { start: from, end: to } = this.#context.extents.find(node) ?? extent;
      const value = `bpf_dext_pkt(${packet}, (u64)${base} + ${place}) ${change}`;
      edits.replace(from, to, `${start}${base} + ${place}, ${value})`);
    } else {
      const opcode = node.opcode ?? "=";
      const at = skipBlank(text, extent.end);
      const value = childOf(node, 1);
      const first = nextToken(text, at + opcode.length)?.start;
      const end = value === undefined ? undefined : this.#endOf(value, extent.file, first);
      if (!text.startsWith(opcode, at) || first === undefined || end === undefined) {
        this.#refuseMacro(node);
        return true;
      }
      const isPlain = opcode === "=";
      const before = isPlain
        ? ""
        : `bpf_dext_pkt(${packet}, (u64)${base} + ${place}) ${opcode.slice(0, -1)} (`;
      edits.wrap(extent.start, operator.start, start, "", "packet");
      edits.replace(operator.start, first, ` + ${place}, ${before}`);
      edits.append(end, isPlain ? ")" : "))");
    }
    this.#explain(access, "it is stored to a packet header");
    return true;
  }

  /** `incr_cksum_l3(offset, old, new)`: the packet is added. */
  call(node: AstNode): void {
    const name = checksumCalls[calleeOf(node) ?? ""];
    const place = name === undefined ? undefined : spellingOf(childrenOf(node)[0]?.range?.begin);
    if (name === undefined || place === undefined) return;
    const text = this.#context.texts.get(place.file);
    const open = text === undefined ? undefined : nextToken(text, place.end);
    const packet = this.#packet(node);
    if (open?.text !== "(") this.#refuseMacro(node);
    else if (packet !== undefined)
      this.#context.edits.get(place.file)?.replace(place.offset, open.end, `${name}(${packet}, `);
  }

  /** `pointer->member` of a header whose pointer is an offset into the packet, not an address the program has. */
  #isPacketMember(member: AstNode): boolean {
    if (member.kind !== "MemberExpr" || this.#context.fields.headerOf(member) === undefined) return false;
    const access = accessOf(member);
    if (access === undefined || !access.isArrow) return false;
    for (const object of this.#context.analysis.valueOf(access.base))
      if (object !== "kernel" && object !== "user") return false;
    return true;
  }

  #access(member: AstNode): Access | undefined {
    const { fields, extents, texts, edits } = this.#context;
    const header = fields.headerOf(member);
    const field = header === undefined ? undefined : fields.fieldOf(header, member);
    if (field === undefined) {
      const hint =
        "Give it BPF_PACKET_HEADER, and members that are numbers, bit-fields or arrays of numbers.";
      const message = `struct ${header?.name ?? ""} cannot be read as a packet header`;
      this.#context.report({ code: "RW055", message, hint }, member);
      return undefined;
    }
    const extent = extents.find(member);
    const text = texts.get(extent?.file ?? "");
    const edit = edits.get(extent?.file ?? "");
    if (extent?.operator === undefined || text === undefined || edit === undefined) {
      this.#refuseMacro(member);
      return undefined;
    }
    return { field, extent, operator: extent.operator, text, edits: edit };
  }

  #refuseMacro(node: AstNode): void {
    const hint = "Write pointer->member without a macro around it.";
    this.#context.report(
      { code: "RW053", message: 'cannot use "packet" header type inside a macro', hint },
      node,
    );
  }

  /** Name of the packet: the function's parameter that is one, or the first parameter of a program. */
  #packet(node: AstNode): string | undefined {
    const { parameters = [], isStatic = true, name = "" } = this.#definition ?? {};
    const [first] = parameters;
    const buffer =
      parameters.find((parameter) => typeOf(parameter) === "struct __sk_buff *") ??
      (first !== undefined && (!isStatic || typeOf(first) === "void *") ? first : undefined);
    const type = buffer === undefined ? "" : typeOf(buffer);
    if (buffer?.name !== undefined && (type === "struct __sk_buff *" || type === "void *"))
      return buffer.name;
    this.#context.report(
      {
        code: "RW054",
        message: `${name} accesses a packet, but has no parameter struct __sk_buff *`,
        hint: "Pass the program's struct __sk_buff * on to it; other contexts have pointers to packet data instead.",
      },
      node,
    );
    return undefined;
  }

  /** Offset behind the expression that starts at `start`. */
  #endOf(value: AstNode, file: string, start: number | undefined): number | undefined {
    return this.#context.extents
      .candidates(value)
      .find((extent) => extent.file === file && extent.start === start)?.end;
  }

  #explain({ extent, text }: Access, reason: string): void {
    const expression = text.slice(extent.start, extent.end);
    this.#context.explain({ file: extent.file, offset: extent.start, expression, reason });
  }
}

/** `4, 0, 16`: byte offset, first bit in it, number of bits. */
function placeOf({ bitOffset, bits }: PacketField): string {
  return `${Math.floor(bitOffset / 8)}, ${bitOffset % 8}, ${bits}`;
}

/** The array of an array's element. */
function elementOf(node: AstNode): { readonly array: AstNode } | undefined {
  const base = node.kind === "ArraySubscriptExpr" ? childOf(node, 0) : undefined;
  const array = base?.castKind === "ArrayToPointerDecay" ? childOf(base, 0) : undefined;
  return array === undefined ? undefined : { array };
}
