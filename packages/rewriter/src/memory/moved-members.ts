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
  /** Statement of the reading function; `from` is a pointer to the first flavour. */
  readonly read: string;
}

/** Marks what only the parse sees. */
const former = '__attribute__((annotate("former member")))';

const relocated = "__attribute__((preserve_access_index))";

const taskState = [`struct task_struct___state { long state; unsigned int __state; } ${relocated};`];
const readState =
  "return bpf_core_field_exists(from->__state) ? BPF_CORE_READ(from, __state) : BPF_CORE_READ(from, state);";
const stateChange = "task_struct.state became __state in Linux 5.14";

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
  {
    record: "iov_iter",
    member: "iov",
    type: "const struct iovec *",
    change: "iov_iter.iov became __iov in Linux 6.4",
    kernelTypes: "iovec",
    flavours: [`struct iov_iter___iov { const struct iovec *iov; const struct iovec *__iov; } ${relocated};`],
    read: "return bpf_core_field_exists(from->__iov) ? BPF_CORE_READ(from, __iov) : BPF_CORE_READ(from, iov);",
  },
  {
    record: "kernfs_node",
    member: "parent",
    type: "struct kernfs_node *",
    change: "kernfs_node.parent became __parent in Linux 6.15",
    kernelTypes: "",
    flavours: [
      `struct kernfs_node___parent { struct kernfs_node *parent; struct kernfs_node *__parent; } ${relocated};`,
    ],
    read: "return bpf_core_field_exists(from->__parent) ? BPF_CORE_READ(from, __parent) : BPF_CORE_READ(from, parent);",
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
export function readerOf({ record, member }: MovedMember): string {
  return `${record}_${member.replace(/^_+/, "")}`;
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
