/** LLVM IR of functions that are large in one way each, to see how compile time grows. */

const start = `target datalayout = "e-m:e-p:64:64-i64:64-i128:128-n32:64-S128"
target triple = "bpfel"
define i64 @f(i64 %a, i64 %b, ptr %p) {
entry:
`;

/** Picks of the numbers below a limit, the same in every run. */
function picks(): (limit: number) => number {
  let state = 1;
  return (limit) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % limit;
  };
}

/** One block of so many instructions, each on two of the values before it; `reach` is how far back they may lie. */
function straight(count: number, reach: number): string {
  const pick = picks();
  const values = ["%a", "%b"];
  const recent = (): string => values[values.length - 1 - pick(Math.min(values.length, reach))] ?? "%a";
  const lines = Array.from({ length: count }, (_, index) => {
    if (index % 10 === 9) return `  store i64 ${recent()}, ptr %p, align 8`;
    const operation = ["add", "sub", "xor", "or", "and", "mul"][pick(6)];
    const line = `  %v${index} = ${operation} i64 ${recent()}, ${recent()}`;
    values.push(`%v${index}`);
    return line;
  });
  return `${start}${lines.join("\n")}\n  ret i64 ${values.at(-1)}\n}\n`;
}

/** A chain of ifs without else, two blocks each, and a value that goes through all of them. */
function blocks(count: number): string {
  const parts: string[] = [];
  const half = count / 2;
  for (let index = 0; index < half; index++) {
    const value = index === 0 ? "%a" : `%r${index}`;
    parts.push(`  br label %h${index}`, `h${index}:`);
    if (index > 0) parts.splice(-2, 1);
    if (index > 0) parts.push(joined(index));
    parts.push(
      `  %s${index} = add i64 ${value}, ${index}`,
      `  %c${index} = icmp ult i64 %s${index}, ${index * 7 + 1}`,
      `  br i1 %c${index}, label %b${index}, label %h${index + 1}`,
      `b${index}:`,
      `  %l${index} = load i64, ptr %p, align 8`,
      `  %t${index} = xor i64 %s${index}, %l${index}`,
      `  store i64 %t${index}, ptr %p, align 8`,
      `  br label %h${index + 1}`,
    );
  }
  return `${start}${parts.join("\n")}\nh${half}:\n${joined(half)}\n  ret i64 %r${half}\n}\n`;
}

function joined(index: number): string {
  const before = index - 1;
  return `  %r${index} = phi i64 [ %s${before}, %h${before} ], [ %t${before}, %b${before} ]`;
}

/** Ifs in ifs, which all join again. */
function nested(depth: number): string {
  const down = Array.from({ length: depth }, (_, index) => [
    `d${index}:`,
    `  %x${index} = load i64, ptr %p, align 8`,
    `  %c${index} = icmp eq i64 %x${index}, ${index}`,
    `  store i64 %x${index}, ptr %p, align 8`,
    `  br i1 %c${index}, label %d${index + 1}, label %u${index}`,
  ]);
  const up = Array.from({ length: depth }, (_, index) => [
    `u${index}:`,
    `  %z${index} = phi i64 ${index === depth - 1 ? `[ %a, %d${depth} ]` : `[ %y${index + 1}, %u${index + 1} ]`}, [ %x${index}, %d${index} ]`,
    `  %y${index} = add i64 %z${index}, %b`,
    index === 0 ? "  ret i64 %y0" : `  br label %u${index - 1}`,
  ]);
  const middle = [`d${depth}:`, `  br label %u${depth - 1}`];
  return `${start}  br label %d0\n${[...down.flat(), ...middle, ...up.reverse().flat()].join("\n")}\n}\n`;
}

/** A switch over so many values. */
function cases(count: number): string {
  const all = Array.from({ length: count }, (_, index) => index);
  const targets = all.map((index) => `    i64 ${index * 3}, label %c${index}`);
  const bodies = all.map(
    (index) => `c${index}:\n  %v${index} = add i64 %b, ${index * 5 + 1}\n  br label %end`,
  );
  const ways = all.map((index) => `[ %v${index}, %c${index} ]`);
  return `${start}  switch i64 %a, label %end [\n${targets.join("\n")}\n  ]\n${bodies.join("\n")}
end:\n  %r = phi i64 [ 0, %entry ], ${ways.join(", ")}\n  ret i64 %r\n}\n`;
}

/** A kind of large function. */
export interface LargeFunction {
  readonly what: string;
  /** Sizes from small to large, each twice the one before. */
  readonly sizes: readonly number[];
  make(size: number): string;
}

/** All kinds. Jumps reach 32,767 instructions, which bounds some. */
export const largeFunctions: readonly LargeFunction[] = [
  { what: "instructions", sizes: [12_500, 25_000, 50_000], make: (size) => straight(size, 12) },
  {
    what: "instructions, many values alive",
    sizes: [12_500, 25_000, 50_000],
    make: (size) => straight(size, 40),
  },
  { what: "blocks", sizes: [5_000, 10_000, 20_000], make: blocks },
  { what: "nested ifs", sizes: [1_250, 2_500, 5_000], make: nested },
  { what: "cases of a switch", sizes: [1_250, 2_500, 5_000], make: cases },
];
