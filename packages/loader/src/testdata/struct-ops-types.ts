/** Types of a kernel that takes congestion controls: what tests of struct_ops lay their structs out for. */
import { BtfBuilder, type BtfMember, BtfTable } from "@bpfkit/elf/btf";

/** A kernel's types with the members in another order and place, and more of them. */
export function structOpsTypes(leaveOut?: string, valueName = "bpf_struct_ops_tcp_congestion_ops"): BtfTable {
  const btf = new BtfBuilder();
  const u32 = btf.add({
    kind: "int",
    name: "u32",
    size: 4,
    bits: 32,
    bitOffset: 0,
    signed: false,
    char: false,
    bool: false,
  });
  const char = btf.add({
    kind: "int",
    name: "char",
    size: 1,
    bits: 8,
    bitOffset: 0,
    signed: true,
    char: true,
    bool: false,
  });
  const name = btf.add({ kind: "array", elementType: char, indexType: u32, count: 16 });
  const proto = btf.add({ kind: "func_proto", returnType: u32, params: [] });
  const pointer = btf.add({ kind: "ptr", type: proto });
  const member = (text: string, type: number, offset: number): BtfMember => ({
    name: text,
    type,
    bitOffset: offset * 8,
    bitSize: 0,
  });
  const members = [
    member("ssthresh", pointer, 0),
    member("cong_avoid", pointer, 8),
    member("set_state", pointer, 16),
    member("undo_cwnd", pointer, 24),
    member("flags", u32, 32),
    member("name", name, 36),
  ].filter((each) => each.name !== leaveOut);
  const ops = btf.add({ kind: "struct", name: "tcp_congestion_ops", size: 56, members });
  btf.add({
    kind: "struct",
    name: valueName,
    size: 128,
    members: [member("refcnt", u32, 0), member("data", ops, 64)],
  });
  return BtfTable.decode(btf.encode());
}
