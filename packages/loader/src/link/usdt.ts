/** USDT probes: a program at the places that a program's author has marked. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { Kernel } from "@bpfkit/base/kernel";
import { hasFeature } from "../features/feature.ts";
import type { BpfMap } from "../object/bpf-map.ts";
import type { Program } from "../object/program.ts";
import { usdtByOneLink } from "../object/program-fallbacks.ts";
import { parseArgument, splitArguments, type UsdtArgument } from "../usdt/arguments.ts";
import { readUsdtNotes, type UsdtNote } from "../usdt/notes.ts";
import { addAddress, addSpecification, specificationMaps } from "../usdt/specification-maps.ts";
import { resolveBinary } from "./binary-path.ts";
import { jointLink, type Link } from "./link.ts";
import { attachUprobe, withImage } from "./uprobe.ts";
import { attachByLink, type UprobePlace } from "./uprobe-multi.ts";

/** Which probe of which file. */
export interface UsdtOptions {
  /** The program or library: as of {@link attachUprobe}. */
  readonly path: string;
  /** Left out: whichever provider has a probe of the name. */
  readonly provider?: string;
  readonly name: string;
  /** -1 and where left out: every process. */
  readonly pid?: number;
  /** What bpf_usdt_cookie gives to the program. */
  readonly cookie?: bigint;
}

/** The probes of a program or library. @throws BpfkitError LD082, LD083 */
export function usdtProbes(kernel: Kernel, path: string): UsdtNote[] {
  return withImage(kernel, resolveBinary(kernel, path), readUsdtNotes);
}

/**
 * Attaches at every place of a probe, and fills the maps from which the program reads arguments.
 * @param maps the maps of the program's object
 * @throws BpfkitError LD086 where the file has no such probe, LD084 where an argument cannot be read
 */
export function attachUsdt(
  kernel: Kernel,
  program: Program,
  options: UsdtOptions,
  maps: ReadonlyMap<string, BpfMap>,
): Link {
  const path = resolveBinary(kernel, options.path);
  const { provider, name, pid, cookie = 0n } = options;
  const title = `usdt:${path}:${provider === undefined ? "" : `${provider}:`}${name}`;
  const notes = matching(usdtProbes(kernel, path), path, options);
  const specifications = specificationMaps(maps);
  const hasCookies = specifications !== undefined && hasFeature(kernel, "attach-cookie");
  const places = notes.map((note): UprobePlace => {
    const number =
      specifications === undefined ? 0 : addSpecification(specifications, argumentsOf(note, kernel), cookie);
    if (specifications !== undefined && !hasCookies) {
      addAddress(specifications, addressInMemory(kernel, path, note, pid), number);
    }
    return {
      offset: note.offset,
      ...(note.semaphoreOffset === 0 ? {} : { referenceCounter: note.semaphoreOffset }),
      ...(hasCookies ? { cookie: BigInt(number) } : {}),
    };
  });
  if (usdtByOneLink(kernel, program.spec)) {
    return attachByLink(kernel, program, { path, places, description: title, returns: false, pid });
  }
  const links: Link[] = [];
  try {
    for (const place of places) {
      links.push(attachUprobe(kernel, program, { path, ...place, ...(pid === undefined ? {} : { pid }) }));
    }
  } catch (error) {
    for (const link of links) link.close();
    throw error;
  }
  return jointLink(title, links);
}

function argumentsOf(note: UsdtNote, kernel: Kernel): UsdtArgument[] {
  return splitArguments(note.arguments).map((text) => parseArgument(text, kernel.architecture));
}

function matching(notes: readonly UsdtNote[], path: string, wanted: UsdtOptions): UsdtNote[] {
  const { provider, name } = wanted;
  const found = notes.filter(
    (note) => note.name === name && (provider === undefined || note.provider === provider),
  );
  const providers = new Set(found.map((note) => note.provider));
  if (providers.size > 1) {
    throw new BpfkitError("LD086", `${path} has probes ${name} of several providers`, {
      hint: `Name one: ${[...providers].map((each) => `${each}:${name}`).join(", ")}.`,
    });
  }
  if (found.length > 0) return found;
  const known = [...new Set(notes.map((note) => `${note.provider}:${note.name}`))];
  throw new BpfkitError(
    "LD086",
    `${path} has no USDT probe ${provider === undefined ? "" : `${provider}:`}${name}`,
    {
      hint:
        known.length === 0
          ? "It has none at all: many programs need an option such as --enable-dtrace when they are built."
          : `It has ${known.slice(0, 8).join(", ")}${known.length > 8 ? " ..." : ""}.`,
    },
  );
}

/** Where a probe is in a process, for kernels without cookies. @throws BpfkitError LD086 where that is not known */
function addressInMemory(kernel: Kernel, path: string, note: UsdtNote, pid: number | undefined): bigint {
  if (pid === undefined || pid === -1) {
    throw new BpfkitError(
      "LD086",
      `arguments of ${note.provider}:${note.name} cannot be told apart on ${kernel.name}`,
      {
        hint: "Before Linux 5.15 USDT arguments can be read in one process only: give its pid.",
      },
    );
  }
  const text = new TextDecoder().decode(kernel.readKernelFile(`/proc/${pid}/maps`));
  for (const line of text.split("\n")) {
    const match = /^([0-9a-f]+)-([0-9a-f]+) ..x. ([0-9a-f]+) \S+ \d+ +(.*)$/.exec(line);
    if (match === null || match[4] !== path) continue;
    const [start, end, offset] = [match[1], match[2], match[3]].map((digits) =>
      Number.parseInt(digits ?? "0", 16),
    );
    if (start === undefined || end === undefined || offset === undefined) continue;
    if (note.offset >= offset && note.offset < offset + end - start)
      return BigInt(start + note.offset - offset);
  }
  throw new BpfkitError("LD086", `process ${pid} does not run code of ${path}`);
}

/** `PATH:PROVIDER:NAME` of a section's name. @throws BpfkitError LD057 for another form */
export function usdtTarget(program: Program, target: string): UsdtOptions {
  const parts = target.split(":");
  const name = parts.pop();
  const provider = parts.pop();
  const path = parts.join(":");
  if (name === undefined || provider === undefined || name === "" || provider === "" || path === "") {
    throw new BpfkitError(
      "LD057",
      `program ${program.name}: SEC("${program.spec.section}") does not name PATH:PROVIDER:NAME`,
    );
  }
  return { path, provider, name };
}
