/** The kernel header for parsing, and the functions that read moved members. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  movedMember,
  movedMembersHeader,
  movedMembersIn,
  readerOf,
  withMovedMembers,
} from "./moved-members.ts";

const header = `struct bio {
	struct block_device *bi_bdev;
};
struct task_struct {
	unsigned int __state;
	struct {
		int other;
	};
};
`;

test("structures get the members that the program names and they lack", () => {
  const text = withMovedMembers(header, movedMembersIn(new Set(["state", "__state", "cpu"])));
  assert.match(text, /\n\tlong state __attribute__\(\(annotate\("former member"\)\)\);\n/);
  assert.match(text, "unsigned int cpu __attribute__");
  assert.is(text.match(/\b__state\b/g)?.length, 1, "a member that is there stays alone");
  assert.not.match(text, "bi_disk");
});

test("nothing changes for a program without such names", () => {
  assert.is(withMovedMembers(header, movedMembersIn(new Set(["pid"]))), header);
});

test("structures that the header lacks are left out", () => {
  assert.is(withMovedMembers(header, movedMembersIn(new Set(["rq_disk"]))), header);
});

test("one function serves both names of a member", () => {
  const rows = movedMembersIn(new Set(["state", "__state"]));
  assert.equal(rows.map(readerOf), ["task_struct_state", "task_struct_state"]);
  const text = movedMembersHeader(rows);
  assert.is(text.match(/task_struct_state\(/g)?.length, 1);
  assert.match(text, "bpf_core_field_exists(from->__state)");
});

test("members of other structures are not moved", () => {
  assert.is(movedMember("sock", "state"), undefined);
  assert.is(movedMember("request", "rq_disk")?.type, "struct gendisk *");
});

test.run();
