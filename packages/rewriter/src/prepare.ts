/** What a program needs around it: the headers it may include, those put in front of it, and where its types come from. */
import type { KernelProfile } from "@bpfkit/base/kernel";
import { type Dialect, dialectOf } from "./dialect.ts";
import { headerTexts } from "./headers/header-texts.gen.ts";
import { helperDeclarations, helperNames } from "./headers/helper-declarations.ts";
import { kernelMacroHeader } from "./headers/kernel-macros.ts";
import { isKernelHeader } from "./headers/kernel-paths.ts";
import { mapTypes } from "./maps/macros.ts";
import { mapMethods } from "./maps/methods.ts";
import { tableHeaderForAst, tableHeaderForCode } from "./maps/table-headers.ts";
import { movedMembersHeader, movedMembersIn, withMovedMembers } from "./memory/moved-members.ts";
import { absentTracepoint } from "./probes/absent-tracepoints.ts";
import { usdtReaders } from "./probes/sections.ts";
import { tracepointStruct, tracepointsIn } from "./probes/tracepoint-format.ts";
import { nearest } from "./text/nearest.ts";
import { identifiers } from "./text/scan.ts";

/** Root of the header set, the include directory that answers kernel headers. */
export const includeRoot = "/bpfkit/include";

/** Facts of the kernel that preparation reads. */
export type PreparationProfile = Pick<KernelProfile, "tracepointFormats" | "release" | "architecture">;

/** The surroundings of one program. */
export interface Preparation {
  readonly dialect: Dialect;
  /** Headers by path under {@link includeRoot}. `vmlinux.h` is not among them: see `kernelSources`. */
  readonly headers: ReadonlyMap<string, string>;
  /** Paths under {@link includeRoot}, to be included before the text when it is parsed. */
  readonly astPreIncludes: readonly string[];
  /** The same for the rewritten text. */
  readonly codePreIncludes: readonly string[];
  /** Texts whose identifiers name the kernel types that `vmlinux.h` must hold. */
  readonly kernelSources: readonly string[];
  /** False where the text takes its types from uapi headers (`linux/bpf.h`): those never have CO-RE's attribute. */
  readonly relocatableTypes: boolean;
  /** `vmlinux.h` as the text is to be parsed with: with members under the names they have in other versions. */
  readonly astKernelHeader: (vmlinux: string) => string;
  /** `NAME=VALUE`, for both runs. */
  readonly defines: readonly string[];
  /** `CATEGORY/EVENT` of tracepoints that the text names and the kernel lacks. */
  readonly unknownTracepoints: readonly string[];
  /** Those that the kernel lacks and whose layout is known all the same, with the reason. */
  readonly absentTracepoints: ReadonlyMap<string, string>;
  /** The user's own headers, where {@link prepareForAst} was given their names. */
  readonly userHeaders: ReadonlyMap<string, string>;
  /** The tracepoint of the kernel whose name is nearest, or undefined. */
  readonly nearestTracepoint: (tracepoint: string) => string | undefined;
  /** Names of the fields of `CATEGORY/EVENT`, as `args` has them; undefined where the kernel lacks it. */
  readonly tracepointFields: (tracepoint: string) => readonly string[] | undefined;
}

/** Options of {@link prepareForAst}. */
export interface PreparationOptions {
  /** Default: by {@link dialectOf}. */
  readonly dialect?: Dialect;
  /** The user's own headers: texts, or texts by the names clang is given. */
  readonly userHeaders?: ReadonlyMap<string, string> | Iterable<string>;
  /** `NAME=VALUE` definitions of the command line: what their values name is needed, too. */
  readonly defines?: readonly string[];
}

/** Names that the preludes and rewritten texts use of every kernel's BTF. */
const baseNames = [
  "u8 u16 u32 u64 s8 s16 s32 s64 __u8 __u16 __u32 __u64 __s8 __s16 __s32 __s64",
  "__be16 __be32 __be64 __le16 __le32 __le64 __wsum __sum16 bool size_t ssize_t pt_regs",
  "uint8_t uint16_t uint32_t uint64_t int8_t int16_t int32_t int64_t uintptr_t",
  "BPF_ANY BPF_NOEXIST BPF_EXIST BPF_F_CURRENT_CPU BPF_MAP_TYPE_HASH",
].join(" ");

const bccNames = "bpf_raw_tracepoint_args BPF_F_NO_PREALLOC BPF_F_STACK_BUILD_ID";

/** Of bcc/usdt.h. */
const usdtNames = "bpf_func_id BPF_FUNC_get_attach_cookie BPF_MAP_TYPE_ARRAY";

const traceHelpers = [
  "bpf_get_attach_cookie",
  "bpf_map_lookup_elem",
  "bpf_probe_read_kernel",
  "bpf_probe_read_kernel_str",
  "bpf_probe_read_user",
  "bpf_probe_read_user_str",
  "bpf_trace_printk",
  "bpf_trace_vprintk",
];

const architectureDefine: Readonly<Record<KernelProfile["architecture"], string>> = {
  x86_64: "__TARGET_ARCH_x86=1",
  arm64: "__TARGET_ARCH_arm64=1",
};

const machineDefine: Readonly<Record<KernelProfile["architecture"], string>> = {
  x86_64: "__x86_64__=1",
  arm64: "__aarch64__=1",
};

/** Paths that a text includes, in order. */
export function includesOf(text: string): readonly string[] {
  const found = text.matchAll(/^[ \t]*#[ \t]*include[ \t]*[<"]([^>"\n]+)[>"]/gm);
  return [...found].map((match) => match[1] as string);
}

function definedNames(texts: readonly string[]): Set<string> {
  const found = new Set<string>();
  for (const text of texts) {
    for (const match of text.matchAll(/^[ \t]*#[ \t]*define[ \t]+(\w+)/gm)) found.add(match[1] as string);
    // What is undefined first may have been used before.
    for (const match of text.matchAll(/^[ \t]*#[ \t]*undef[ \t]+(\w+)/gm)) found.delete(match[1] as string);
  }
  return found;
}

/** What belongs around a program: the same for parsing and for compiling, except the headers included first. */
export function prepareForAst(
  text: string,
  profile: PreparationProfile,
  options: PreparationOptions = {},
): Preparation {
  const dialect = options.dialect ?? dialectOf(text);
  const { userHeaders = [] } = options;
  const texts = [
    text,
    ...(userHeaders instanceof Map ? userHeaders.values() : (userHeaders as Iterable<string>)),
  ];
  const isBcc = dialect === "bcc";
  const names = new Set<string>();
  for (const part of [...texts, ...(options.defines ?? [])])
    for (const name of identifiers(part)) names.add(name);
  const { tracepointFormats } = profile;
  const unknownTracepoints: string[] = [];
  const absentTracepoints = new Map<string, string>();
  const tracepoints = (isBcc ? texts.flatMap(tracepointsIn) : []).flatMap(({ category, event }) => {
    const name = `${category}/${event}`;
    const absent = tracepointFormats.has(name) ? undefined : absentTracepoint(name);
    if (absent !== undefined) absentTracepoints.set(name, absent.where);
    const format = tracepointFormats.get(name) ?? absent?.format;
    if (format === undefined) unknownTracepoints.push(name);
    return format === undefined ? [] : [tracepointStruct(category, event, format)];
  });
  if (names.has("BPF_RINGBUF_OUTPUT")) names.add("PAGE_SIZE");
  const includes = texts.flatMap(includesOf);
  const macros = kernelMacroHeader({
    names,
    defined: definedNames(texts),
    includes,
    release: profile.release,
  });
  const headers = new Map<string, string>(headerTexts);
  headers.delete("kernel/macros.h");
  const moved = isBcc ? movedMembersIn(names) : [];
  const further = furtherTypes(names, texts);
  headers.set("bcc/kernel-macros.h", macros + further);
  headers.set("bcc/tracepoints.h", tracepoints.join("\n"));
  const readsUsdt = usdtReaders.some((name) => names.has(name));
  if (!readsUsdt) headers.set("bcc/usdt.h", "");
  headers.set("bcc/cpus.h", names.has("bpf_num_cpus") ? onlineCpusHeader : "");
  if (!usesPackets(names)) headers.set("bcc/packet.h", "");
  headers.set("bcc/moved-members.h", movedMembersHeader(moved));
  headers.set("bcc/tables-ast.h", tableHeaderForAst());
  headers.set("bcc/tables.h", tableHeaderForCode);
  headers.set("bpf/bpf_helper_defs.h", helperDeclarations(...neededHelpers(names, isBcc)));
  addUmbrellas(headers, includes, isBcc);
  return {
    dialect,
    headers,
    astPreIncludes: isBcc ? ["vmlinux.h", "bcc/prelude-ast.h"] : [],
    codePreIncludes: isBcc ? ["vmlinux.h", "bcc/prelude.h"] : [],
    kernelSources: [
      ...texts,
      ...(options.defines ?? []),
      ...tracepoints,
      macros,
      baseNames,
      ...(isBcc ? [bccNames, mapTypeNames(names)] : []),
      further,
      ...(readsUsdt ? [usdtNames] : []),
      ...moved.map(({ kernelTypes }) => kernelTypes),
    ],
    relocatableTypes:
      isBcc || includes.some((path) => /(?:^|\/)vmlinux\.h$/.test(path)) || !includes.some(isKernelHeader),
    astKernelHeader: (vmlinux) => withMovedMembers(vmlinux, moved),
    defines: [
      architectureDefine[profile.architecture],
      // BCC parses for the machine itself, and programs ask which one it is.
      ...(isBcc ? [...bccDefines, machineDefine[profile.architecture]] : []),
    ],
    unknownTracepoints,
    absentTracepoints,
    userHeaders: userHeaders instanceof Map ? userHeaders : new Map(),
    nearestTracepoint: (tracepoint) => nearest(tracepoint, tracepointFormats.keys()),
    tracepointFields: (tracepoint) => fieldNames(tracepointFormats.get(tracepoint)),
  };
}

/** Names of a format's fields without those that all tracepoints have. */
function fieldNames(format: string | undefined): readonly string[] | undefined {
  if (format === undefined) return undefined;
  const names = [...format.matchAll(/^\s*field:[^;]*?(\w+)(?:\[\w*\])?;/gm)].map(([, name = ""]) => name);
  return names.filter((name) => !name.startsWith("common_"));
}

/** Structures that BTF lacks, by the name that asks for each. */
const typesBesideBtf: readonly (readonly [name: string, tag: string, definition: string])[] = [
  [
    "BPF_STACK_TRACE_BUILDID",
    "bpf_stacktrace_buildid",
    "struct bpf_stacktrace_buildid { struct bpf_stack_build_id trace[127]; };",
  ],
  // What system calls take: kernels since 5.6 have them under other names only (include/uapi/linux/time_types.h).
  ["timespec", "timespec", "struct timespec { long tv_sec; long tv_nsec; };"],
  ["timeval", "timeval", "struct timeval { long tv_sec; long tv_usec; };"],
];

function furtherTypes(names: ReadonlySet<string>, texts: readonly string[]): string {
  return typesBesideBtf
    .filter(([name]) => names.has(name))
    .filter(([, tag]) => !texts.some((text) => new RegExp(`\\bstruct\\s+${tag}\\s*\\{`).test(text)))
    .map(([, , definition]) => `${definition}\n`)
    .join("");
}

/** `bcc/cpus.h`: BCC puts the number into the text; an object for any machine gets it from the loader. */
const onlineCpusHeader = `/* Set by bpfkit's loader to the number of online CPUs; other loaders set it before loading. */
const volatile int bpfkit_online_cpus = 0;
#define bpf_num_cpus() (bpfkit_online_cpus)
`;

/** What bcc/packet.h calls. */
const packetHelpers = ["bpf_skb_store_bytes", "bpf_l3_csum_replace", "bpf_l4_csum_replace"];

const packetName =
  /^(?:load_(?:byte|half|word|dword)|bpf_(?:dext|dins)_pkt|bpf_store_(?:byte|half|word|dword)|cursor_advance|(?:incr_cksum|bpf_incr_cksum)_l[34]|bpf_l[34]_csum_replace_|BPF_PACKET_HEADER|proto)$/;

/** True where a text has a name of bcc/packet.h, or of bcc/proto.h's path. */
function usesPackets(names: ReadonlySet<string>): boolean {
  for (const name of names) if (packetName.test(name)) return true;
  return false;
}

const bccDefines = [
  "__BPF_TRACING__=1",
  "__KERNEL__=1",
  'KBUILD_MODNAME="bcc"',
  "__HAVE_BUILTIN_BSWAP16__=1",
];

function mapTypeNames(names: ReadonlySet<string>): string {
  const enumerators = Object.values(mapTypes).map((row) => `BPF_MAP_TYPE_${row.kernel}`);
  return [...names].some((name) => name.startsWith("BPF_")) ? enumerators.join(" ") : "";
}

function neededHelpers(
  names: ReadonlySet<string>,
  isBcc: boolean,
): [ReadonlySet<string>, ReadonlySet<string>] {
  if (!isBcc) return [helperNames, new Set()];
  const always = new Set(["bpf_probe_read_kernel", "bpf_probe_read_user"]);
  for (const name of names) if (helperNames.has(name)) always.add(name);
  // Parsed in BCC's form, which the AST prelude declares.
  always.delete("bpf_trace_printk");
  if (usesPackets(names)) for (const name of packetHelpers) always.add(name);
  if (names.has("TP_DATA_LOC_READ_STR")) always.add("bpf_probe_read_kernel_str");
  const forCode = new Set<string>(traceHelpers);
  const calls = Object.values(mapMethods).map((method) => method.call);
  for (const name of identifiers(calls.join(" "))) forCode.add(name);
  return [always, forCode];
}

/** Kernel headers hold nothing of their own: types come from BTF (or the vmlinux.h of a `-I` folder), macros from `bcc/kernel-macros.h`. */
function addUmbrellas(headers: Map<string, string>, includes: readonly string[], isBcc: boolean): void {
  for (const path of includes) {
    if (headers.has(path) || !isKernelHeader(path)) continue;
    const up = "../".repeat(path.split("/").length - 1);
    headers.set(path, isBcc ? "" : `#include <vmlinux.h>\n#include "${up}bcc/kernel-macros.h"\n`);
  }
}

/** The fixed headers of the set, by path under {@link includeRoot}. */
export function bccHeaders(): ReadonlyMap<string, string> {
  return headerTexts;
}

/** What is included before a text of the dialect. */
export function preludeFor(dialect: Dialect, stage: "ast" | "code"): readonly string[] {
  if (dialect === "libbpf") return [];
  return ["vmlinux.h", stage === "ast" ? "bcc/prelude-ast.h" : "bcc/prelude.h"];
}
