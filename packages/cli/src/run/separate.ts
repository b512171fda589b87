/** Tells the arguments of `bpfkit run` from those of the tool that it runs. */

/** Options of `bpfkit run` that take a value and may stand anywhere on its command line. */
const valued = new Set([
  "--target",
  "--scenario",
  "--seed",
  "--engine",
  "--extend",
  "--btf",
  "--mcpu",
  "--target-cpu",
  "--optimize",
]);
const switches = new Set(["--cache", "--no-cache", "--verifier-log"]);
/** Short options that only building C has; a tool's own short options may be the same letters. */
const building = /^-[DIO]/;

const outputOptions = new Set(["-j", "--json", "-p", "--pretty"]);

/** `bpfkit -j map list`, as bpftool takes it: options in front go behind the command. */
function withOptionsBehind(argv: readonly string[]): string[] {
  const first = argv.findIndex((word) => !outputOptions.has(word));
  return first <= 0 ? [...argv] : [...argv.slice(first), ...argv.slice(0, first)];
}

/**
 * Puts everything that is not an option of `run` itself behind `--`, so that oclif leaves it alone:
 * `run biolatency -D --seed 3 1` becomes `run --seed 3 biolatency -- -D 1`. Other commands pass as they are, but for options in
 * front of them.
 */
export function separateToolArguments(argv: readonly string[]): string[] {
  if (argv[0] !== "run") return withOptionsBehind(argv);
  const own: string[] = [];
  const rest: string[] = [];
  let target: string | undefined;
  for (let index = 1; index < argv.length; index++) {
    const word = argv[index] ?? "";
    if (word === "--") {
      rest.push(...argv.slice(index + 1));
      break;
    }
    const name = word.split("=")[0] ?? word;
    const isProgram = target === undefined || /\.[co]$/.test(target);
    if (valued.has(name) || (isProgram && building.test(word))) {
      own.push(word);
      const separate = valued.has(name) ? !word.includes("=") : word.length === 2;
      if (separate && index + 1 < argv.length) own.push(argv[++index] ?? "");
    } else if (switches.has(word)) {
      own.push(word);
    } else if (target === undefined && word.startsWith("-")) {
      own.push(word);
    } else if (target === undefined) {
      target = word;
    } else {
      rest.push(word);
    }
  }
  return [
    "run",
    ...own,
    ...(target === undefined ? [] : [target]),
    ...(rest.length === 0 ? [] : ["--", ...rest]),
  ];
}
