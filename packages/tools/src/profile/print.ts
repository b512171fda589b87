/** profile's output: stacks one function a line, or folded into one line each. */
import type { Options } from "../options/options.ts";
import type { HalfStack, Halves, StackCount } from "./samples.ts";

/** What stands between kernel and user functions with -d. */
const delimiter = { lines: "--", folded: "-" } as const;

/** A function of the kernel; marked with -a. */
function kernelName(name: string, options: Options): string {
  return options.has("annotations") ? `${name}_[k]` : name;
}

/** A delimiter is wanted and the stack has both halves. */
function isDivided({ user, kernel }: StackCount, options: Options, halves: Halves): boolean {
  const isWhole = user !== "missed" && user.length > 0 && kernel !== "missed" && kernel.length > 0;
  return options.has("delimited") && halves.user && halves.kernel && isWhole;
}

/** A stack, innermost function first, then whose it is and how often it was seen. */
export function stackLines(stack: StackCount, options: Options, halves: Halves): string[] {
  const indent = (half: HalfStack, missed: string, name: (text: string) => string) =>
    half === "missed" ? [`    ${missed}`] : half.map((text) => `    ${name(text)}`);
  return [
    ...indent(stack.kernel, "[Missed Kernel Stack]", (name) => kernelName(name, options)),
    ...(isDivided(stack, options, halves) ? [`    ${delimiter.lines}`] : []),
    ...indent(stack.user, "[Missed User Stack]", (name) => name),
    `    ${"-".padEnd(16)} ${stack.comm} (${stack.pid})`,
    `        ${stack.count}`,
    "",
  ];
}

/** One entry of a folded stack. */
export interface FoldedFrame {
  readonly name: string;
  readonly kind: "process" | "user" | "kernel";
}

/** The process and its functions, outermost first. */
export function foldedFrames(stack: StackCount, options: Options, halves: Halves): FoldedFrame[] {
  const unfold = (
    half: HalfStack,
    missed: string,
    kind: "user" | "kernel",
    name: (text: string) => string,
  ): FoldedFrame[] =>
    half === "missed" ? [{ name: missed, kind }] : half.map((text) => ({ name: name(text), kind })).reverse();
  return [
    { name: stack.comm, kind: "process" },
    ...unfold(stack.user, "[Missed User Stack]", "user", (name) => name),
    ...(isDivided(stack, options, halves) ? [{ name: delimiter.folded, kind: "kernel" } as const] : []),
    ...unfold(stack.kernel, "[Missed Kernel Stack]", "kernel", (name) => kernelName(name, options)),
  ];
}

/** A stack in one line, as flame graph programs read it. */
export function foldedLine(stack: StackCount, options: Options, halves: Halves): string {
  const names = foldedFrames(stack, options, halves).map(({ name }) => name);
  return `${names.join(";")} ${stack.count}`;
}

/** What is going to be sampled, in words. */
export function headerLine(options: Options, halves: Halves): string {
  const list = (long: string) => `[${options.text(long)?.split(",").join(", ")}]`;
  const period = options.text("count");
  const rate =
    period === undefined || options.text("frequency") !== undefined
      ? `${options.text("frequency") ?? defaultFrequency} Hertz`
      : `every ${period} events`;
  const threads = options.has("pid")
    ? `PID ${list("pid")}`
    : options.has("tid")
      ? `TID ${list("tid")}`
      : "all threads";
  const stacks = halves.user && halves.kernel ? "user + kernel" : halves.user ? "user" : "kernel";
  const cpu = options.has("cpu") ? ` on CPU#${options.text("cpu")}` : "";
  const [duration] = options.positionals;
  const end = duration === undefined ? "... Hit Ctrl-C to end." : ` for ${Number(duration)} secs.`;
  return `Sampling at ${rate} of ${threads} by ${stacks} stack${cpu}${end}`;
}

/** Samples a second of each CPU where nothing else is asked for: no round number, so as not to beat with timers. */
export const defaultFrequency = 49;
