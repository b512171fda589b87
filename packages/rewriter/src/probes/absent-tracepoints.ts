/** Tracepoints that a kernel may be built without, and that BCC's tools use: the part of their layout that never changed. */

/** One tracepoint as lines of its `format` file: only members at the same place in every release since 4.19. */
interface KnownTracepoint {
  readonly name: string;
  readonly fields: readonly string[];
  /** Where it is, for the warning. */
  readonly where: string;
}

const field = (declaration: string, offset: number, size: number): string =>
  `\tfield:${declaration};\toffset:${offset};\tsize:${size};`;

/** include/trace/events/preemptirq.h */
const interruptFields = [field("s32 caller_offs", 8, 4), field("s32 parent_offs", 12, 4)];
const interruptsOff = "it needs CONFIG_PREEMPTIRQ_TRACEPOINTS";

/** include/trace/events/kmem.h: class kmem_alloc_node, up to what changed its type in 5.19. */
const allocationFields = [
  field("unsigned long call_site", 8, 8),
  field("const void * ptr", 16, 8),
  field("size_t bytes_req", 24, 8),
  field("size_t bytes_alloc", 32, 8),
];

const known: readonly KnownTracepoint[] = [
  { name: "preemptirq/irq_disable", fields: interruptFields, where: interruptsOff },
  { name: "preemptirq/irq_enable", fields: interruptFields, where: interruptsOff },
  { name: "preemptirq/preempt_disable", fields: interruptFields, where: interruptsOff },
  { name: "preemptirq/preempt_enable", fields: interruptFields, where: interruptsOff },
  { name: "kmem/kmalloc_node", fields: allocationFields, where: "Linux 6.1 made it part of kmem:kmalloc" },
  {
    name: "kmem/kmem_cache_alloc_node",
    fields: allocationFields,
    where: "Linux 6.1 made it part of kmem:kmem_cache_alloc",
  },
  {
    // arch/x86/kvm/trace.h
    name: "kvm/kvm_exit",
    fields: [
      field("unsigned int exit_reason", 8, 4),
      field("unsigned long guest_rip", 16, 8),
      field("u32 isa", 24, 4),
    ],
    where: "it is in the module kvm",
  },
  { name: "kvm/kvm_entry", fields: [field("unsigned int vcpu_id", 8, 4)], where: "it is in the module kvm" },
  {
    name: "kvm/kvm_hypercall",
    fields: ["nr", "a0", "a1", "a2", "a3"].map((name, index) =>
      field(`unsigned long ${name}`, 8 + 8 * index, 8),
    ),
    where: "it is in the module kvm",
  },
  {
    // include/trace/events/random.h
    name: "random/urandom_read",
    fields: [field("int got_bits", 8, 4), field("int pool_left", 12, 4), field("int input_left", 16, 4)],
    where: "Linux 5.18 removed it",
  },
];

/** The format text of a tracepoint that the profile's kernel lacks, and why it may; undefined where it is not known. */
export function absentTracepoint(
  name: string,
): { readonly format: string; readonly where: string } | undefined {
  const row = known.find((candidate) => candidate.name === name);
  return row === undefined ? undefined : { format: row.fields.join("\n"), where: row.where };
}
