/** Tracepoint structures have the layout that the format file tells. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { tracepointStruct, tracepointsIn } from "./tracepoint-format.ts";

const common = `name: x
ID: 1
format:
	field:unsigned short common_type;	offset:0;	size:2;	signed:0;
	field:unsigned char common_flags;	offset:2;	size:1;	signed:0;
	field:unsigned char common_preempt_count;	offset:3;	size:1;	signed:0;
	field:int common_pid;	offset:4;	size:4;	signed:1;

`;

const struct = (fields: string, category = "c", event = "e"): string =>
  tracepointStruct(category, event, `${common}${fields}\nprint fmt: "x"\n`);

interface Case {
  readonly name: string;
  readonly field: string;
  readonly member: string;
}

const cases: readonly Case[] = [
  {
    name: "a plain field",
    field: "\tfield:dev_t dev;	offset:8;	size:4;	signed:0;",
    member: "\tdev_t dev;",
  },
  {
    name: "an array",
    field: "\tfield:char rwbs[8];	offset:8;	size:8;	signed:0;",
    member: "\tchar rwbs[8];",
  },
  {
    name: "an array whose bound is an enumerator",
    field: "\tfield:char comm[TASK_COMM_LEN];	offset:8;	size:16;	signed:0;",
    member: "\tchar comm[16];",
  },
  {
    name: "a dynamic array",
    field: "\tfield:__data_loc char[] filename;	offset:8;	size:4;	signed:0;",
    member: "\tint data_loc_filename;",
  },
  {
    name: "a signed type wider than it says",
    field: "\tfield:int fd;	offset:8;	size:8;	signed:0;",
    member: "\ts64 fd;",
  },
  {
    name: "an unsigned type wider than it says",
    field: "\tfield:unsigned int flags;	offset:8;	size:8;	signed:0;",
    member: "\tu64 flags;",
  },
  {
    name: "a character in two bytes",
    field: "\tfield:char x;	offset:8;	size:2;	signed:1;",
    member: "\ts16 x;",
  },
  {
    name: "a pointer",
    field: "\tfield:const void * skaddr;	offset:8;	size:8;	signed:0;",
    member: "\tconst void * skaddr;",
  },
];

for (const { name, field, member } of cases) {
  test(name, () => assert.match(struct(field), `\tu64 __do_not_use__;\n${member}\n};`));
}

test("gaps are filled byte by byte", () => {
  const text = struct(
    "\tfield:u8 a;	offset:8;	size:1;	signed:0;\n\tfield:u32 b;	offset:12;	size:4;	signed:0;",
  );
  assert.match(text, "\tu8 a;\n\tchar __pad_9;\n\tchar __pad_10;\n\tchar __pad_11;\n\tu32 b;\n");
});

test("common fields behind the eighth byte are hidden", () => {
  const text = struct(
    "\tfield:unsigned char common_extra;	offset:8;	size:1;	signed:0;\n\tfield:u32 b;	offset:12;	size:4;	signed:0;",
  );
  assert.match(text, "\tchar __do_not_use__8;\n\tchar __pad_9;");
  assert.not.match(text, "common_extra");
});

test("pointers among a system call's arguments are user memory", () => {
  const field = "\tfield:const char * filename;	offset:24;	size:8;	signed:0;";
  assert.match(struct(field, "syscalls", "sys_enter_openat"), "const char __user * filename;");
});

test("tracepoints are found in uses of the macro and of the structure", () => {
  const text = "TRACEPOINT_PROBE( block , block_rq_issue ) {}\nint f(struct tracepoint__a_b__c_d *args) {}";
  assert.equal(tracepointsIn(text), [
    { category: "block", event: "block_rq_issue" },
    { category: "a_b", event: "c_d" },
  ]);
});

test.run();
