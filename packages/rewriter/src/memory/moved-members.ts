/** Members of kernel structures that moved or got another name: read by whichever name the running kernel has. */

/** One name of a member. Versions are those of Linux releases (git history of the structure's header). */
export interface MovedMember {
  readonly record: string;
  readonly member: string;
  /** What BCC programs that use this name expect. */
  readonly type: string;
  /** Why and when, for `--explain`. */
  readonly change: string;
  /** Types of the kernel that the reading function uses besides. */
  readonly kernelTypes: string;
  /** Declarations of the structure's two forms; CO-RE ignores what follows `___` in a name. */
  readonly flavours: readonly string[];
  /** Statements of the reading function; `from` is a pointer to the last flavour. */
  readonly read: string;
  /** Name of the reading function where it does not follow from the member's. */
  readonly reader?: string;
}

/** Marks what only the parse sees. */
const former = '__attribute__((annotate("former member")))';

const relocated = "__attribute__((preserve_access_index))";

const taskState = [`struct task_struct___state { long state; unsigned int __state; } ${relocated};`];
const readState =
  "return bpf_core_field_exists(from->__state) ? BPF_CORE_READ(from, __state) : BPF_CORE_READ(from, state);";
const stateChange = "task_struct.state became __state in Linux 5.14";

const iovChange = "iov_iter.iov became __iov in Linux 6.4";
const iovFlavour = [
  `struct iov_iter___iov { const struct iovec *iov; const struct iovec *__iov; } ${relocated};`,
];
const readIov =
  "return bpf_core_field_exists(from->__iov) ? BPF_CORE_READ(from, __iov) : BPF_CORE_READ(from, iov);";

const parentChange = "kernfs_node.parent became __parent in Linux 6.15";
const parentFlavour = [
  `struct kernfs_node___parent { struct kernfs_node *parent; struct kernfs_node *__parent; } ${relocated};`,
];
const readParent =
  "return bpf_core_field_exists(from->__parent) ? BPF_CORE_READ(from, __parent) : BPF_CORE_READ(from, parent);";

/** Times of files: a structure, then a private one, then two numbers. */
function inodeTime(name: string, since: string): readonly MovedMember[] {
  const read = [
    "struct timespec64 time = {};",
    `if (bpf_core_field_exists(from->${name}_sec)) {`,
    `\t\ttime.tv_sec = BPF_CORE_READ(from, ${name}_sec);`,
    `\t\ttime.tv_nsec = BPF_CORE_READ(from, ${name}_nsec);`,
    `\t} else if (bpf_core_field_exists(from->__${name})) {`,
    `\t\ttime = BPF_CORE_READ(from, __${name});`,
    "\t} else {",
    `\t\ttime = BPF_CORE_READ(from, ${name});`,
    "\t}",
    "\treturn time;",
  ].join("\n");
  const members = `struct timespec64 ${name}; struct timespec64 __${name}; s64 ${name}_sec; u32 ${name}_nsec;`;
  return [name, `__${name}`].map((member) => ({
    record: "inode",
    member,
    type: "struct timespec64",
    change: `inode.${name} became __${name} in Linux ${since} and ${name}_sec with ${name}_nsec in Linux 6.11`,
    kernelTypes: "timespec64",
    flavours: [`struct inode___${name} { ${members} } ${relocated};`],
    read,
  }));
}

/** A member whose name changed and nothing else: both names read it. */
function renamed(
  record: string,
  from: string,
  to: string,
  type: string,
  version: string,
): readonly MovedMember[] {
  return [from, to].map((member) => ({
    record,
    member,
    type,
    change: `${record}.${from} became ${to} in Linux ${version}`,
    kernelTypes: "",
    flavours: [`struct ${record}___${from} { ${type} ${from}; ${type} ${to}; } ${relocated};`],
    read: `return bpf_core_field_exists(from->${to}) ? BPF_CORE_READ(from, ${to}) : BPF_CORE_READ(from, ${from});`,
    reader: `${record}_${from}`,
  }));
}

/** Every known change. */
export const movedMembers: readonly MovedMember[] = [
  {
    record: "task_struct",
    member: "state",
    type: "long",
    change: stateChange,
    kernelTypes: "",
    flavours: taskState,
    read: readState,
  },
  {
    record: "task_struct",
    member: "__state",
    type: "unsigned int",
    change: stateChange,
    kernelTypes: "",
    flavours: taskState,
    read: readState,
  },
  {
    record: "task_struct",
    member: "cpu",
    type: "unsigned int",
    change: "task_struct.cpu became thread_info.cpu in Linux 5.16",
    kernelTypes: "",
    flavours: [
      `struct thread_info___cpu { unsigned int cpu; } ${relocated};`,
      `struct task_struct___cpu { struct thread_info___cpu thread_info; unsigned int cpu; } ${relocated};`,
    ],
    read: "return bpf_core_field_exists(from->cpu) ? BPF_CORE_READ(from, cpu) : BPF_CORE_READ(from, thread_info.cpu);",
  },
  {
    record: "request",
    member: "rq_disk",
    type: "struct gendisk *",
    change: "request.rq_disk became request_queue.disk in Linux 5.17",
    kernelTypes: "gendisk",
    flavours: [
      `struct request_queue___disk { struct gendisk *disk; } ${relocated};`,
      `struct request___disk { struct gendisk *rq_disk; struct request_queue___disk *q; } ${relocated};`,
    ],
    read: "return bpf_core_field_exists(from->rq_disk) ? BPF_CORE_READ(from, rq_disk) : BPF_CORE_READ(from, q, disk);",
  },
  {
    record: "bio",
    member: "bi_disk",
    type: "struct gendisk *",
    change: "bio.bi_disk became block_device.bd_disk, behind bio.bi_bdev, in Linux 5.12",
    kernelTypes: "gendisk",
    flavours: [
      `struct block_device___disk { struct gendisk *bd_disk; } ${relocated};`,
      `struct bio___disk { struct gendisk *bi_disk; struct block_device___disk *bi_bdev; } ${relocated};`,
    ],
    read: "return bpf_core_field_exists(from->bi_disk) ? BPF_CORE_READ(from, bi_disk) : BPF_CORE_READ(from, bi_bdev, bd_disk);",
  },
  ...["iov", "__iov"].map((member) => ({
    record: "iov_iter",
    member,
    type: "const struct iovec *",
    change: iovChange,
    kernelTypes: "iovec",
    flavours: iovFlavour,
    read: readIov,
  })),
  ...["parent", "__parent"].map((member) => ({
    record: "kernfs_node",
    member,
    type: "struct kernfs_node *",
    change: parentChange,
    kernelTypes: "",
    flavours: parentFlavour,
    read: readParent,
  })),
  {
    record: "kernfs_node",
    member: "id",
    type: "u64",
    change: "kernfs_node.id became a number in Linux 5.5; it was a union with it",
    kernelTypes: "",
    flavours: [
      `union kernfs_node_id___old { u64 id; } ${relocated};`,
      `struct kernfs_node___union { union kernfs_node_id___old id; } ${relocated};`,
      `struct kernfs_node___id { u64 id; } ${relocated};`,
    ],
    read: [
      "if (bpf_core_field_exists(from->id))",
      "\t\treturn BPF_CORE_READ(from, id);",
      "\treturn BPF_CORE_READ((const struct kernfs_node___union *)object, id.id);",
    ].join("\n"),
  },
  ...inodeTime("i_ctime", "6.6"),
  ...inodeTime("i_atime", "6.7"),
  ...inodeTime("i_mtime", "6.7"),
  ...renamed("task_struct", "real_start_time", "start_boottime", "u64", "5.5"),
  ...renamed("cfs_rq", "nr_running", "nr_queued", "unsigned int", "6.14"),
  ...renamed("cfs_rq", "h_nr_running", "h_nr_queued", "unsigned int", "6.14"),
  {
    record: "block_device",
    member: "bd_partno",
    type: "u8",
    change: "block_device.bd_partno became the low byte of __bd_flags in Linux 6.10",
    kernelTypes: "atomic_t",
    flavours: [`struct block_device___partno { u8 bd_partno; atomic_t __bd_flags; } ${relocated};`],
    read: "return bpf_core_field_exists(from->bd_partno) ? BPF_CORE_READ(from, bd_partno) : (u8)BPF_CORE_READ(from, __bd_flags.counter);",
  },
];

/** The rows that a program with these identifiers may need. */
export function movedMembersIn(names: ReadonlySet<string>): readonly MovedMember[] {
  return movedMembers.filter(({ member }) => names.has(member));
}

/** The row of a member. */
export function movedMember(record: string | undefined, member: string): MovedMember | undefined {
  return movedMembers.find((row) => row.record === record && row.member === member);
}

/** Name of the function that reads a member by whichever name there is. */
export function readerOf({ record, member, reader }: MovedMember): string {
  return reader ?? `${record}_${member.replace(/^_+/, "")}`;
}

/** `bcc/moved-members.h`: the reading functions. */
export function movedMembersHeader(rows: readonly MovedMember[]): string {
  const lines = [
    "/* Members that moved between kernel versions: read by the name that the running kernel has. */",
  ];
  const done = new Set<string>();
  for (const row of rows) {
    const name = readerOf(row);
    if (done.has(name)) continue;
    done.add(name);
    const flavour = /struct (\w+)/.exec(row.flavours.at(-1) ?? "")?.[1] ?? "";
    lines.push(`/* ${row.change}. */`, ...row.flavours);
    const separator = row.type.endsWith("*") ? "" : " ";
    lines.push(`static __always_inline ${row.type}${separator}${name}(const void *object)`);
    lines.push("{", `\tconst struct ${flavour} *from = object;`, `\t${row.read}`, "}");
  }
  return `${lines.join("\n")}\n`;
}

/**
 * The kernel header that the text is parsed with: structures get the members they have in other versions, so that
 * clang accepts them. Code is never compiled with it.
 */
export function withMovedMembers(header: string, rows: readonly MovedMember[]): string {
  let text = header;
  for (const { record, member, type } of rows) {
    const opening = new RegExp(`^struct ${record} \\{$`, "m").exec(text);
    if (opening === null) continue;
    const start = opening.index + opening[0].length;
    const end = text.indexOf("\n}", start);
    if (end < 0 || new RegExp(`\\b${member}\\s*(?:;|:|\\[)`).test(text.slice(start, end))) continue;
    const separator = type.endsWith("*") ? "" : " ";
    text = `${text.slice(0, end)}\n\t${type}${separator}${member} ${former};${text.slice(end)}`;
  }
  return text;
}
