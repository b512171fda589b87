/** Which kernel memory a rewritten text reads, as expressions of the original text: of BCC's rewriting and of bpfkit's. */
import { movedMembers, readerOf } from "../../../packages/rewriter/src/memory/moved-members.ts";

/** One read. */
export interface KernelRead {
  /** As the original text has it, without blanks: `sk->__sk_common.skc_family`. */
  readonly expression: string;
  /** The type that BCC declares its temporary with. */
  readonly type?: string;
  /** Where bpfkit's read is in its text: start and end of the macro call. */
  readonly range?: readonly [number, number];
}

/** Blanks and comments have no meaning; `(*p).x` is `p->x`; parentheses around a name alone say nothing. */
function normal(expression: string): string {
  let text = expression.replace(/\/\*.*?\*\/|\/\/[^\n]*/gs, " ").trim();
  text = text.replace(/\s+/g, " ").replace(/ ?([^\w ]) ?/g, "$1");
  text = text.replace(/\(\*(\w+)\)\./g, "$1->");
  for (let before = ""; before !== text; ) {
    before = text;
    text = text.replace(/(^|[^\w)\]])\((\w+)\)(?=->|\.|\[|$)/g, "$1$2");
  }
  return text;
}

/** The position behind the bracket that closes the one at `open`. */
function closing(text: string, open: number): number {
  let depth = 0;
  for (let at = open; at < text.length; at++) {
    const character = text[at];
    if (character === '"' || character === "'") {
      for (at++; at < text.length && text[at] !== character; at++) if (text[at] === "\\") at++;
    } else if (character === "(" || character === "[" || character === "{") depth++;
    else if (character === ")" || character === "]" || character === "}") {
      depth--;
      if (depth === 0) return at + 1;
    }
  }
  return text.length;
}

/** Parts of an argument list between its outer commas. */
function argumentsOf(text: string): string[] {
  const parts: string[] = [];
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    if ("([{".includes(text[at] ?? " ")) at = closing(text, at) - 1;
    else if (text[at] === ",") {
      parts.push(text.slice(from, at));
      from = at + 1;
    }
  }
  return [...parts, text.slice(from)];
}

const bccStart = "({ typeof(";
const bccCall = " _val; __builtin_memset(&_val, 0, sizeof(_val)); bpf_probe_read(";
const bccDestination = "&_val, sizeof(_val), (void *)";

/** What is at an address: `&p->member`, `(p)`, or BCC's form of a subscript, `((p) + (index))`. */
function pointedTo(address: string): string {
  if (address.startsWith("&")) return address.slice(1);
  const inner = address.startsWith("(") && closing(address, 0) === address.length ? address.slice(1, -1) : "";
  const end = inner.startsWith("(") ? closing(inner, 0) : 0;
  const index = /^\s*\+\s*\((.*)\)$/s.exec(inner.slice(end))?.[1];
  return end === 0 || index === undefined ? `*${address}` : `${inner.slice(1, end - 1)}[${index}]`;
}

/** Reads that BCC's rewritten text makes. What the program reads explicitly is the same on both sides. */
export function readsOfBcc(text: string): KernelRead[] {
  const reads: KernelRead[] = [];
  const original = (part: string): string => {
    let result = "";
    let at = 0;
    for (;;) {
      const start = part.indexOf(bccStart, at);
      if (start < 0) return result + part.slice(at);
      const typeEnd = closing(part, start + bccStart.length - 1);
      if (!part.startsWith(bccCall, typeEnd)) {
        result += part.slice(at, start + bccStart.length);
        at = start + bccStart.length;
        continue;
      }
      const open = typeEnd + bccCall.length - 1;
      const close = closing(part, open);
      const address = original(part.slice(open + 1 + bccDestination.length, close - 1));
      const expression = pointedTo(address);
      const type = part.slice(start + bccStart.length, typeEnd - 1);
      // BCC rewrites operands of sizeof and typeof, too, where nothing is read.
      if (!/\b(?:sizeof|typeof)\s*\(\s*$/.test(part.slice(0, start)))
        reads.push({ expression: normal(expression), type });
      result += part.slice(at, start) + expression;
      at = closing(part, start);
    }
  };
  original(text);
  return reads;
}

const paths = ["BPF_CORE_READ", "BPF_PROBE_READ", "BPF_CORE_READ_BITFIELD_PROBED", "BPF_PROBE_READ_BITFIELD"];
const lvalues = ["BPF_READ_KERNEL", "BPF_READ_USER"];
const moved = new Map(movedMembers.map((row) => [readerOf(row), row.member]));
const call = new RegExp(`\\b(${[...paths, ...lvalues, ...moved.keys()].join("|")})\\(`, "g");

/** Reads that bpfkit's rewritten text makes, each step of a path by itself. */
export function readsOfBpfkit(text: string): KernelRead[] {
  const reads: KernelRead[] = [];
  const original = (part: string, offset: number): string => {
    let result = "";
    let at = 0;
    for (const { 0: whole, 1: name = "", index } of part.matchAll(call)) {
      if (index < at) continue;
      const open = index + whole.length - 1;
      const close = closing(part, open);
      const inside = original(part.slice(open + 1, close - 1), offset + open + 1);
      const range = [offset + index, offset + close] as const;
      const steps = stepsOf(name, inside);
      steps.forEach((expression, step) => {
        const isLast = step === steps.length - 1;
        reads.push({ expression: normal(expression), ...(isLast ? { range } : {}) });
      });
      result += part.slice(at, index) + (steps.at(-1) ?? "");
      at = close;
    }
    return result + part.slice(at);
  };
  original(text, 0);
  return reads;
}

function stepsOf(name: string, inside: string): string[] {
  if (lvalues.includes(name)) return [inside];
  const member = moved.get(name);
  if (member !== undefined)
    return [inside.startsWith("&") ? `${inside.slice(1)}.${member}` : `${inside}->${member}`];
  const [root = "", ...accessors] = argumentsOf(inside);
  return accessors.map((_accessor, index) =>
    [root, ...accessors.slice(0, index + 1)].map((one) => one.trim()).join("->"),
  );
}

/** BCC's standard error with debug=4 -> the rewritten text; undefined where it gave none. */
export function rewrittenTextOf(output: string): string | undefined {
  const start = output.indexOf("#if defined(BPF_LICENSE)");
  const end = output.lastIndexOf("#include <bcc/footer.h>");
  return start < 0 || end < start ? undefined : output.slice(start, end);
}
