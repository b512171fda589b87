/** `bpf/bpf_helper_defs.h`: declarations of BPF helpers as calls to their numbers. */
import { allHelpers, type Helper } from "@bpfkit/base/abi";

/** Names of all helpers that can be declared, with their prefix. */
export const helperNames: ReadonlySet<string> = new Set(allHelpers().map((helper) => `bpf_${helper.name}`));

/** Structures of the kernel's documentation that programs see under another name (kernel scripts/bpf_doc.py). */
const programTypes: Readonly<Record<string, string>> = {
  "struct bpf_map": "void",
  "struct sk_buff": "struct __sk_buff",
  "struct sk_msg_buff": "struct sk_msg_md",
  "struct xdp_buff": "struct xdp_md",
  "struct sk_reuseport_kern": "struct sk_reuseport_md",
  "struct bpf_sock_addr_kern": "struct bpf_sock_addr",
  "struct bpf_sock_ops_kern": "struct bpf_sock_ops",
  "struct bpf_sysctl_kern": "struct bpf_sysctl",
  "struct bpf_perf_event_data_kern": "struct bpf_perf_event_data",
};

/** Helpers that are documented more than once: how many of their first parameters are given any pointer. */
const anyPointers: ReadonlyMap<string, number> = new Map([
  ["get_socket_cookie", 1],
  ["sk_assign", 2],
]);

function programType(type: string): string {
  const named = type.replace(/\bstruct \w+/, (record) => programTypes[record] ?? record);
  return named.replace(/\bsize_t\b/g, "unsigned long").replace(/\b([us])(8|16|32|64)\b/g, "__$1$2");
}

function declaration({ id, name, prototype }: Helper): string {
  const parameters = prototype.params.map((parameter, index) => {
    if (index < (anyPointers.get(name) ?? 0)) return `void *${index === 0 ? "ctx" : parameter.name}`;
    const type = programType(parameter.type);
    const space = type.endsWith("*") || parameter.name === "" ? "" : " ";
    return `${type}${space}${parameter.name}`;
  });
  const result = programType(prototype.returns);
  const space = result.endsWith("*") ? "" : " ";
  const list = parameters.length === 0 ? "void" : parameters.join(", ");
  return `static ${result}${space}(*const bpf_${name})(${list}) = (void *)${id};`;
}

/**
 * The header's text.
 * @param always Helpers to declare for every parse.
 * @param forCode Further helpers that only rewritten text calls.
 */
export function helperDeclarations(always: ReadonlySet<string>, forCode: ReadonlySet<string>): string {
  const first: string[] = [];
  const second: string[] = [];
  for (const helper of allHelpers()) {
    const name = `bpf_${helper.name}`;
    if (always.has(name)) first.push(declaration(helper));
    else if (forCode.has(name)) second.push(declaration(helper));
  }
  const records = new Set([...first, ...second].join(" ").match(/\b(?:struct|union) \w+/g) ?? []);
  return [
    "/* BPF helpers this program may call (uapi linux/bpf.h). */",
    ...[...records].map((record) => `${record};`),
    ...first,
    "#ifndef __BPFKIT_PRELUDE_AST_H",
    ...second,
    "#endif",
    "",
  ].join("\n");
}
