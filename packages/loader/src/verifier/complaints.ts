/**
 * What the kernel's verifier complains of, in words, and what to try. Patterns are its own texts (kernel/bpf/verifier.c,
 * Linux 5.10 to 6.18); test/kernel/rejections has a C program that provokes each.
 */
import { mapTypeName } from "@bpfkit/base/abi";
import { typesInWords } from "./type-words.ts";

/** One kind of complaint. */
export interface Complaint {
  /** Stable, for tests and documents. */
  readonly name: string;
  /** Looked for in what the verifier says after the last instruction. */
  readonly pattern: RegExp;
  /** Why the program is refused, in the user's terms. */
  readonly reason: string | ((match: RegExpExecArray) => string);
  /** What to try. */
  readonly advice: string | ((match: RegExpExecArray) => string);
  /** Where it is, where the complaint names another instruction than the last one; undefined: nowhere in particular. */
  readonly slot?: (match: RegExpExecArray, lastSlot: number | undefined) => number | undefined;
}

const group =
  (number: number) =>
  (match: RegExpExecArray): number =>
    Number(match[number]);
const nowhere = (): undefined => undefined;

const otherTypes =
  "`bpfkit feature --helpers` lists what each type may call here. Another program type, or the tracing variant of the helper, may do.";
/** Helpers that a kernel that is locked down knows no more (LOCKDOWN_BPF_READ_KERNEL, LOCKDOWN_BPF_WRITE_USER). */
const lockedDown = /probe_read(?:_kernel)?(?:_str)?#|probe_write_user#/;

/** Of several that match, the first in this list counts. */
export const complaints: readonly Complaint[] = [
  {
    name: "maybe_null",
    pattern:
      /invalid mem access '\w*or_null_?'|arithmetic on \w*or_null_? prohibited|Possibly NULL pointer passed|type=\w*or_null_? expected=/,
    reason: "a pointer that may be NULL is used without a test",
    advice:
      "Test what the lookup (or other helper) returned, `if (!p) return 0;`, before the first use, in every path that leads here.",
  },
  {
    name: "global_function",
    pattern:
      /Caller passes invalid args into func#\d+(?: \('?(\w*)'?\))?|arg#\d+ .*(?:must|expected|reference type|size cannot)/,
    reason: (match) =>
      `an argument of the global function ${match[1] ?? ""} is not what its C type promises`.replace(
        "  ",
        " ",
      ),
    advice:
      "Functions that are not static are verified alone, by their C types: pass a pointer to stack, map value or context of that type, or make the function static.",
  },
  {
    name: "plain_number",
    pattern: /invalid mem access '(?:scalar|inv)'/,
    reason: "memory is read or written through a number that the verifier does not know as a pointer",
    advice:
      "Read kernel memory with bpf_probe_read_kernel or BPF_CORE_READ, user memory with bpf_probe_read_user. A pointer that went through arithmetic, a map or the stack may have become a number on the way.",
  },
  {
    name: "unbounded",
    pattern:
      /math between \w+ pointer and register with unbounded|unbounded memory access|pointer offset .* is not allowed/,
    reason: "a pointer is moved by a number whose size the verifier cannot bound",
    advice:
      "Limit the index right before the access: `index &= 63;` for sizes that are powers of two, or `if (index >= N) return 0;` with an unsigned index. bpf_ctx pointers and products are never allowed.",
  },
  {
    name: "unbounded_size",
    pattern:
      /R\d min value is negative|R\d unbounded memory access, use|invalid .*size \d+ .*umax|R\d max value is outside/,
    reason: "a size or index may be negative or too big",
    advice:
      "Make it unsigned and limit it before the call: `size &= sizeof(buffer) - 1;` or `if (size > sizeof(buffer)) return 0;`.",
  },
  {
    name: "zero_size",
    pattern: /invalid zero-sized read|invalid access to map value, value_size=\d+ off=-?\d+ size=0$/m,
    reason: "a helper is given a size that may be zero",
    advice: "Make sure that it is not: `if (size == 0) return 0;`, or add 1 after masking.",
  },
  {
    name: "outside_map_value",
    pattern: /invalid access to map value, value_size=(\d+) off=(-?\d+) size=(\d+)/,
    reason: ([, size, offset, bytes]) =>
      `${bytes} bytes at offset ${offset} of a map value are accessed, which has only ${size} bytes`,
    advice: "Check the index against the number of elements before the access; compare the map's value type.",
  },
  {
    name: "outside_packet",
    pattern: /invalid access to packet|offset is outside of the packet/,
    reason: "bytes of the packet are read that may lie behind its end",
    advice:
      "Compare with the end first: `if (data + offset + size > data_end) return ...;` for the same pointer, or use bpf_skb_load_bytes.",
  },
  {
    name: "stack_over_calls",
    pattern: /combined stack size of (\d+) calls is (\d+)|the call stack of (\d+) frames/,
    reason: ([, calls, bytes, frames]) =>
      frames === undefined
        ? `${calls} functions that call each other need ${bytes} bytes of stack together; 512 is the limit`
        : `functions call each other ${frames} deep; 8 is the limit`,
    advice:
      "Keep big structs in a per-CPU array map, or pass pointers instead of copies; inline small functions.",
    slot: nowhere,
  },
  {
    name: "uninitialised_stack",
    // The same words with an offset outside of the stack are of the row behind this one.
    pattern:
      /invalid (?:indirect |variable-offset )?(?:read|access)[a-z ]* stack(?: R\d+)? off[= ]-(?:\d{1,2}|[1-4]\d\d|50\d|51[0-2])(?!\d)/,
    reason: "memory on the stack is read, or passed to a helper, that was not written before",
    advice:
      "Clear the whole variable, padding between its members included: `struct key key = {};` or __builtin_memset(&key, 0, sizeof(key)). Linux 6.3 and newer allow it to root.",
  },
  {
    name: "stack_overflow",
    pattern: /invalid (?:write to|read from)?\s?stack R\d+ off=(-?\d+)|invalid stack (?:off|type)/,
    reason: ([, offset]) =>
      offset === undefined
        ? "the stack is accessed outside of its 512 bytes"
        : `the stack is accessed at offset ${offset}, outside of its 512 bytes`,
    advice: "Keep big data in a per-CPU array map with one entry; check indexes into arrays on the stack.",
  },
  {
    name: "no_return_value",
    pattern: /R0 !read_ok/,
    reason: "the program, or a function in it, ends without a return value",
    advice: "Return a value on every path.",
  },
  {
    name: "uninitialised_register",
    pattern: /R(\d+) !read_ok/,
    reason: ([, register]) => `register r${register} is used although nothing was written to it`,
    advice: "Initialise the variable; of a helper's argument, look whether all are given.",
  },
  {
    name: "endless_loop",
    pattern: /back-edge from insn (\d+) to|infinite loop detected at insn (\d+)/,
    reason: "there is a loop whose end the verifier cannot see",
    advice:
      "Give the loop a constant bound and a counter that changes in it. Before Linux 5.3 loops have to be unrolled (#pragma unroll); bpf_loop (5.17) takes any count.",
    slot: ([, from, at]) => Number(from ?? at),
  },
  {
    name: "too_many_instructions",
    pattern:
      /BPF program is too large\. Processed (\d+)|The sequence of (\d+) jumps is too complex|too many states/,
    reason: ([, count]) =>
      count === undefined
        ? "the program has more paths than the verifier follows"
        : `the verifier gave up after ${count} steps: a loop is too long, or there are too many paths`,
    advice:
      "Shorten loops, move their bodies into bpf_loop callbacks or global functions (which are verified once), or split the program with tail calls. Before Linux 5.2 the limit is 4096 instructions.",
  },
  {
    name: "helper_of_other_type",
    pattern: /program of this type cannot use helper (\w+)#\d+|unknown func (?:bpf_)?((?!unknown)\w+)#(\d+)/,
    reason: (match) => {
      const name = (match[1] ?? match[2] ?? "").replace(/^bpf_/, "");
      return `programs of this type may not call bpf_${name} (or this kernel does not have it)`;
    },
    advice: ([words]) =>
      lockedDown.test(words)
        ? `${otherTypes} Lockdown (confidentiality) takes it from every program; /sys/kernel/security/lockdown shows it, after mount -t securityfs none /sys/kernel/security.`
        : otherTypes,
  },
  {
    name: "unknown_helper",
    pattern: /(?:invalid|unknown) func \w*#(\d+)/,
    reason: ([, number]) => `this kernel has no helper number ${number}`,
    advice: "The helper is newer than the kernel; `bpfkit feature --helpers` lists those that it has.",
  },
  {
    name: "context_offset",
    pattern: /invalid bpf_context access off=(-?\d+) size=(\d+)|dereference of modified ctx ptr/,
    reason: ([, offset, size]) =>
      offset === undefined
        ? "the context pointer was moved before it was used"
        : `programs of this type may not access ${size} bytes at offset ${offset} of their context`,
    advice:
      "Use the members of the context's struct as they are declared, with their own sizes. In sections with few arguments (raw_tp, fentry, tp) there may be fewer than the program asks for.",
  },
  {
    name: "pointer_leak",
    pattern: /leaks addr|leak pointer|would leak/,
    reason: "an address of the kernel would become visible to user space",
    advice: "Store and return numbers only; with CAP_PERFMON (or as root) addresses are allowed.",
  },
  {
    name: "unreleased_reference",
    pattern:
      /Unreleased reference id=\d+ alloc_insn=(\d+)|reference leak|reference has not been acquired|R\d+ must be referenced/,
    reason: "something that was acquired is not given back on every path",
    advice:
      "Every bpf_ringbuf_reserve needs a bpf_ringbuf_submit or bpf_ringbuf_discard, every bpf_sk_lookup a bpf_sk_release, every acquired object its release, before each return.",
    slot: ([, slot], lastSlot) => (slot === undefined ? lastSlot : Number(slot)),
  },
  {
    name: "misaligned",
    pattern: /misaligned (\w+) access/,
    reason: ([, what]) =>
      `the ${what === "stack" ? "stack" : what} is accessed at an offset that is no multiple of the access's size`,
    advice: "Align the data to its own size, or copy it with __builtin_memcpy; packed structs lead to this.",
  },
  {
    name: "read_only_memory",
    pattern:
      /write into map forbidden|cannot write into|only read is supported|R\d cannot write|store into .*prohibited/,
    reason: "something is written that programs may only read",
    advice:
      "`const volatile` variables are fixed once the program is loaded; kernel structs can be read, not written. Use a variable without const, or a map.",
  },
  {
    name: "outside_struct",
    pattern:
      /access beyond (?:the end of )?struct (\w+) at off (\d+)|cannot access ptr member|access beyond struct/,
    reason: ([, name, offset]) =>
      name === undefined
        ? "a member is accessed that the kernel's struct does not have there"
        : `offset ${offset} lies behind the end of struct ${name}`,
    advice:
      "Cast to the struct that the pointer really points to, or read with bpf_core_read / bpf_probe_read_kernel. Structs differ between kernels: let CO-RE find members.",
  },
  {
    name: "return_value",
    pattern: /At program exit the register R0 (?:has|is) .*should have been (?:in )?(.*)/,
    reason: ([, allowed]) =>
      `the program's return value is not one of those that its type allows: ${allowed ?? ""}`.trimEnd(),
    advice: "Return only what the attach point understands; for cgroup programs 0 refuses and 1 allows.",
  },
  {
    name: "lock_held",
    pattern: /while holding a lock|bpf_spin_unlock is missing|inside bpf_spin_lock|lock_\w+ is missing/,
    reason: "a helper or function is called, or the program ends, while a bpf_spin_lock is held",
    advice: "Call helpers before bpf_spin_lock, and put bpf_spin_unlock on every path.",
  },
  {
    name: "may_sleep",
    pattern: /might sleep|sleepable|helper call is not allowed in/,
    reason: "a helper that may sleep is called where the kernel cannot sleep",
    advice:
      'Use a sleepable section (SEC("fentry.s/..."), SEC("lsm.s/..."), SEC("uprobe.s/..."), SEC("syscall")), or the variant that does not sleep, such as bpf_probe_read_user for bpf_copy_from_user.',
  },
  {
    name: "gpl_only",
    pattern: /GPL-restricted function|GPL.compatible/i,
    reason: "a helper is called that the kernel gives to GPL-compatible programs only",
    advice: 'Give the program a GPL-compatible licence: char LICENSE[] SEC("license") = "GPL";',
  },
  {
    name: "kernel_function",
    pattern:
      /calling kernel function (\w+) is not allowed|calling kernel functions? .*not|kernel function .*(?:not|cannot)/,
    reason: ([, name]) => `programs of this type may not call the kernel function ${name ?? "that it calls"}`,
    advice: "Kernel functions are open to some program types only; use a helper or another type of program.",
  },
  {
    name: "attach_target",
    pattern:
      /attach_btf_id|bpf_lsm_\w+ is not part|is not a function|cannot attach|FENTRY\/FEXIT program|not (?:in|part of) .*hook/,
    reason: "the program cannot be attached to what its section names",
    advice:
      "The function may be inlined, static or missing in this kernel, or not open to programs of this type. `bpfkit btf dump id 1` shows the kernel's types; a kprobe needs none.",
    slot: nowhere,
  },
  {
    name: "map_for_helper",
    pattern: /cannot pass map_type (\d+) into func (\w+)#/,
    reason: ([, type, helper]) => `${helper} does not work on maps of type ${mapTypeName(Number(type))}`,
    advice: "Use the helper that belongs to this type of map, or another type of map.",
  },
  {
    name: "pointer_arithmetic",
    pattern:
      /math between|pointer arithmetic with|pointer (?:\+=|-=) pointer prohibited|operator .* on pointer prohibited|32-bit pointer arithmetic|arithmetic on \w+ prohibited|pointer comparison prohibited|subtract pointer/,
    reason: "a pointer is part of a calculation that the verifier does not allow",
    advice:
      "Only add or subtract bounded numbers, and only to pointers that may be moved; copy the value first where it is a number.",
  },
  {
    name: "argument_type",
    pattern: /R(\d+) type=(\w+) expected=(.*)/,
    reason: ([, register, given = "", expected = ""]) =>
      `argument ${register} of the call is ${typesInWords(given)}, but has to be ${typesInWords(expected)}`,
    advice:
      "Keys and values have to be on the stack or in a map value: copy them to a local variable and pass its address.",
  },
  {
    name: "jump_range",
    pattern: /jump out of range from insn (\d+)/,
    reason: "a jump leads out of the program or function",
    advice: "Build again; in inline assembly, count the offset in 8-byte slots from the next instruction.",
    slot: group(1),
  },
  {
    name: "unreachable",
    pattern: /unreachable insn (\d+)/,
    reason: "there are instructions that nothing leads to",
    advice: "Remove what stands behind an exit or an endless loop, in inline assembly too.",
    slot: group(1),
  },
  {
    name: "unknown_instruction",
    pattern: /unknown opcode|uses reserved fields|invalid BPF_\w+ (?:opcode|mode)|BPF_\w+ uses/,
    reason: "the kernel does not know an instruction",
    advice: "It is older than the instruction set that the program was built for: build with a lower --mcpu.",
  },
];
