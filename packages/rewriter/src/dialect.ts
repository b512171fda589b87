/** Which C a text is: written for BCC, or for libbpf. */

/** `bcc` is rewritten; `libbpf` is compiled as it is. */
export type Dialect = "bcc" | "libbpf";

/** What only programs for libbpf contain. */
const libbpfMarks = /\bSEC\s*\(\s*"|#\s*include\s*[<"](?:vmlinux\.h|bpf\/bpf_\w+\.h|bpf_helpers\.h)[>"]/;

/** Decides by the marks of libbpf: `SEC("...")`, `vmlinux.h`, `bpf/bpf_*.h`. Everything else is BCC's. */
export function dialectOf(text: string): Dialect {
  const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, "");
  return libbpfMarks.test(code) ? "libbpf" : "bcc";
}
