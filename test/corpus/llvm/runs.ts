/** What the RUN lines of LLVM's tests ask of `opt` and `llc`, as data. */

/** IR on its way into the code generator, and the options it is compiled with. */
export interface Job {
  /** Arguments of `opt` that make the IR from the test's text; undefined where that is compiled as it is. */
  readonly opt: readonly string[] | undefined;
  /** Options of `llc` besides the triple and the level: -mattr and those of single passes. */
  readonly llc: readonly string[];
  /** The level that -mcpu names. */
  readonly cpu: "v1" | "v2" | "v3" | "v4";
}

/** Commands that stop half-way, use another instruction selector or write big-endian objects. */
const foreign = /-(?:march|mtriple)[= ]bpfeb|global-isel|-stop-after|-stop-before|-run-pass|-print-after/;

/** For tests that stop behind the optimiser. */
const whole: Job = { opt: ["-O2", "-mtriple=bpf-pc-linux"], llc: [], cpu: "v3" };

/** The distinct jobs of a test; none for those of other targets and of half compilers. */
export function jobsOf(text: string): Job[] {
  const jobs = new Map<string, Job>();
  let opt: readonly string[] | undefined;
  for (const line of runLines(text)) {
    const commands = line.split("|").map((command) => command.trim());
    const optimiser = commands.find((command) => /^opt\b/.test(command));
    if (optimiser !== undefined) opt = wordsOf(optimiser);
    const compiler = commands.find((command) => /^(?:not )?llc\b/.test(command));
    if (compiler === undefined || foreign.test(compiler)) continue;
    const input = compiler.replace(/(?:[0-9&]*>+&?|-o) *\S+/g, " ");
    const usesText = optimiser === undefined && !/%t/.test(input);
    const job = { opt: usesText ? undefined : opt, ...llcOptions(compiler) };
    jobs.set(JSON.stringify(job), job);
  }
  const compiles = runLines(text).some((line) => /\bllc\b/.test(line));
  return compiles ? [...jobs.values()] : [whole];
}

/** RUN lines, continued ones as one. */
function runLines(text: string): string[] {
  const lines = [...text.matchAll(/^[;/ ]*RUN:(.*)$/gm)].map((match) => match[1] ?? "");
  return lines.join("\n").replaceAll("\\\n", " ").split("\n");
}

/** Arguments of a command without its files and redirections. */
function wordsOf(command: string): string[] {
  const words = command.replace(/[<>0-9&]*[<>]+&? *\S+/g, " ").match(/(?:[^\s']|'[^']*')+/g) ?? [];
  const plain = words.slice(1).map((word) => word.replaceAll("'", ""));
  return plain.filter((word, index) => {
    const isFile = word.startsWith("%") || word === "-" || word === "/dev/null";
    return !isFile && word !== "-o" && word !== "-S" && plain[index] !== "llc";
  });
}

const levels = ["v1", "v2", "v3", "v4"] as const;

function llcOptions(command: string): Omit<Job, "opt"> {
  const words = wordsOf(command);
  const level = words.map((word) => /^-*mcpu=(v\d)$/.exec(word)?.[1]).find((found) => found !== undefined);
  const kept = words.filter((word) => /^-*(?:mattr|bpf-|O\d)/.test(word));
  return {
    llc: kept,
    cpu: levels.find((one) => one === level) ?? "v1",
  };
}
