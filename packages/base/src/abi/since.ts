/**
 * The first kernel release with each helper, map type and program type. Numbers are given out in the order of merging, so
 * one row per release says it all. Facts: git history of uapi linux/bpf.h, as collected in BCC's docs/kernel-versions.md.
 */

/** A release and the lowest number that came with it; ascending. */
type Rows = readonly (readonly [release: string, first: number])[];

const helpers: Rows = [
  ["3.19", 1],
  ["4.1", 4],
  ["4.2", 12],
  ["4.3", 17],
  ["4.4", 23],
  ["4.5", 26],
  ["4.6", 27],
  ["4.8", 31],
  ["4.9", 37],
  ["4.10", 42],
  ["4.11", 45],
  ["4.12", 46],
  ["4.13", 48],
  ["4.14", 51],
  ["4.15", 54],
  ["4.16", 58],
  ["4.17", 60],
  ["4.18", 65],
  ["4.19", 81],
  ["4.20", 84],
  ["5.0", 91],
  ["5.1", 93],
  ["5.2", 99],
  ["5.3", 109],
  ["5.5", 111],
  ["5.6", 119],
  ["5.7", 120],
  ["5.8", 125],
  ["5.9", 136],
  ["5.10", 142],
  ["5.11", 156],
  ["5.12", 163],
  ["5.13", 164],
  ["5.14", 166],
  ["5.15", 169],
  ["5.16", 176],
  ["5.17", 180],
  ["5.18", 186],
  ["5.19", 194],
  ["6.0", 204],
  ["6.1", 208],
  ["6.2", 210],
];

const mapTypes: Rows = [
  ["3.19", 1],
  ["4.2", 3],
  ["4.3", 4],
  ["4.6", 5],
  ["4.8", 8],
  ["4.10", 9],
  ["4.11", 11],
  ["4.12", 12],
  ["4.14", 14],
  ["4.15", 16],
  ["4.18", 17],
  ["4.19", 19],
  ["4.20", 21],
  ["5.2", 24],
  ["5.4", 25],
  ["5.6", 26],
  ["5.8", 27],
  ["5.10", 28],
  ["5.11", 29],
  ["5.16", 30],
  ["6.1", 31],
  ["6.2", 32],
  ["6.9", 33],
];

const programTypes: Rows = [
  ["3.19", 1],
  ["4.1", 2],
  ["4.7", 5],
  ["4.8", 6],
  ["4.9", 7],
  ["4.10", 8],
  ["4.13", 13],
  ["4.14", 14],
  ["4.15", 15],
  ["4.17", 16],
  ["4.18", 19],
  ["4.19", 21],
  ["4.20", 22],
  ["5.2", 23],
  ["5.3", 25],
  ["5.5", 26],
  ["5.6", 27],
  ["5.7", 29],
  ["5.9", 30],
  ["5.14", 31],
  ["6.4", 32],
];

const tables = { helper: helpers, "map type": mapTypes, "program type": programTypes } as const;
/** Highest number that each table speaks of; newer ones are unknown. */
const last = { helper: 211, "map type": 33, "program type": 32 } as const;

/** What {@link since} knows about. */
export type SinceSubject = keyof typeof tables;

/** The first release with a helper id, map type or program type, `"5.8"`; undefined for numbers newer than Linux 6.12. */
export function since(subject: SinceSubject, number: number): string | undefined {
  if (number < 1 || number > last[subject]) return undefined;
  return tables[subject].findLast(([, first]) => first <= number)?.[0];
}

/** Compares releases such as `6.1.0-56-cloud-amd64` and `5.8`: negative where `a` is older. Only the first two numbers count. */
export function compareReleases(a: string, b: string): number {
  const [aMajor = 0, aMinor = 0] = a.split(/[.-]/).map(Number);
  const [bMajor = 0, bMinor = 0] = b.split(/[.-]/).map(Number);
  return aMajor - bMajor || aMinor - bMinor;
}
