/**
 * Names for addresses of a big program (this Node): bpfkit against addr2line, in one run. Each is started anew for every
 * measurement, because both pay for opening the file: `node --import tsx --conditions=bpfkit-source bench/symbols.ts`.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { UserSymbols } from "@bpfkit/loader";
import { LinuxKernel } from "@bpfkit/loader/linux";

const runs = 5;
const lookups = 5000;

/** Addresses all over the program's code, as this process has it mapped. */
function addresses(): { readonly inProcess: bigint[]; readonly inFile: string[] } {
  const maps = readFileSync("/proc/self/maps", "utf8");
  const size = ([, start = "0", end = "0"]: RegExpMatchArray) =>
    Number.parseInt(end, 16) - Number.parseInt(start, 16);
  const [code] = [...maps.matchAll(/^([0-9a-f]+)-([0-9a-f]+) r-xp ([0-9a-f]+) .*\/node$/gm)].sort(
    (a, b) => size(b) - size(a),
  );
  const [, start = "0", end = "0", offset = "0"] = code ?? [];
  const [from, to] = [BigInt(`0x${start}`), BigInt(`0x${end}`)];
  const step = (to - from) / BigInt(lookups);
  const inProcess = Array.from({ length: lookups }, (_, index) => from + BigInt(index) * step);
  const headers = execFileSync("readelf", ["-lW", process.execPath], { encoding: "utf8" });
  const [, fileOffset = "0", address = "0"] =
    /^ +LOAD +0x([0-9a-f]+) 0x([0-9a-f]+) .* R E /m.exec(headers) ?? [];
  const shift = BigInt(`0x${address}`) - BigInt(`0x${fileOffset}`) + BigInt(`0x${offset}`) - from;
  return { inProcess, inFile: inProcess.map((each) => `0x${(each + shift).toString(16)}`) };
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

function timed(run: () => number): { readonly ms: number; readonly named: number } {
  const times: number[] = [];
  let named = 0;
  for (let index = 0; index < runs; index++) {
    const started = performance.now();
    named = run();
    times.push(performance.now() - started);
  }
  return { ms: median(times), named };
}

const { inProcess, inFile } = addresses();
const kernel = new LinuxKernel();
const namesOf = (list: readonly bigint[]): number => {
  const symbols = new UserSymbols(kernel);
  const named = list.filter((each) => symbols.name(each, process.pid) !== "[unknown]").length;
  symbols.close();
  return named;
};
const withAddr2line = (list: readonly string[]): number => {
  const words = ["-f", "-C", "-e", process.execPath];
  const text = execFileSync("addr2line", words, {
    input: list.join("\n"),
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  return text.split("\n").filter((line, index) => index % 2 === 0 && line !== "" && line !== "??").length;
};
for (const [what, count] of [
  ["the first name", 1],
  [`${lookups} names`, lookups],
] as const) {
  const ours = timed(() => namesOf(inProcess.slice(-count)));
  const theirs = timed(() => withAddr2line(inFile.slice(-count)));
  process.stdout.write(
    `${what}: bpfkit ${ours.ms.toFixed(1)} ms (${ours.named} found), addr2line ${theirs.ms.toFixed(1)} ms (${theirs.named} found), ratio ${(ours.ms / theirs.ms).toFixed(2)}\n`,
  );
}
kernel.shutdown();
