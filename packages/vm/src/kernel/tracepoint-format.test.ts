/** Format texts are read as the kernel writes them, and records are laid out by them. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseTracepointFormat, tracepointIdOf } from "./tracepoint-format.ts";
import { recordSize, writeRecord } from "./tracepoints.ts";

const Common = `	field:unsigned short common_type;	offset:0;	size:2;	signed:0;
	field:unsigned char common_flags;	offset:2;	size:1;	signed:0;
	field:unsigned char common_preempt_count;	offset:3;	size:1;	signed:0;
	field:int common_pid;	offset:4;	size:4;	signed:1;
`;

const Exec = `name: sched_process_exec
ID: 307
format:
${Common}
	field:__data_loc char[] filename;	offset:8;	size:4;	signed:1;
	field:pid_t pid;	offset:12;	size:4;	signed:1;
	field:pid_t old_pid;	offset:16;	size:4;	signed:1;

print fmt: "filename=%s pid=%d old_pid=%d", __get_str(filename), REC->pid, REC->old_pid
`;

const Mixed = `name: mixed_event
ID: 12
format:
${Common}
	field:const char * name;	offset:8;	size:8;	signed:0;
	field:char comm[16];	offset:16;	size:16;	signed:1;
	field:unsigned long args[6];	offset:32;	size:48;	signed:0;
	field:__rel_loc u8[] bytes;	offset:80;	size:4;	signed:0;
	field:s16 small;	offset:84;	size:2;	signed:1;
	field:u8 tiny;	offset:86;	size:1;	signed:0;

print fmt: "no field:int fake;	offset:0;	size:4;	signed:1;"
`;

test("fields, places and dynamic locations", () => {
  const format = parseTracepointFormat(Exec);
  assert.is(format.name, "sched_process_exec");
  assert.is(format.id, 307);
  assert.is(format.size, 20);
  assert.equal(format.fields, [
    { name: "filename", type: "char[]", offset: 8, size: 4, signed: true, location: "data" },
    { name: "pid", type: "pid_t", offset: 12, size: 4, signed: true, location: "inline" },
    { name: "old_pid", type: "pid_t", offset: 16, size: 4, signed: true, location: "inline" },
  ]);
  const mixed = parseTracepointFormat(Mixed);
  assert.equal(
    mixed.fields.map(({ name, type, location }) => [name, type, location]),
    [
      ["name", "const char *", "inline"],
      ["comm", "char", "inline"],
      ["args", "unsigned long", "inline"],
      ["bytes", "u8[]", "relative"],
      ["small", "s16", "inline"],
      ["tiny", "u8", "inline"],
    ],
  );
  assert.is(tracepointIdOf(Mixed), 12);
  assert.is(tracepointIdOf("name: x\n"), undefined);
});

test("damaged texts are refused", () => {
  for (const text of ["", "name: x\nID: 5\n", "name: x\nformat:\n", "garbage\n\0"]) {
    assert.throws(
      () => parseTracepointFormat(text),
      (error: unknown) => error instanceof BpfkitError && error.code === "VM040",
    );
  }
});

test("records hold values where the format says", () => {
  const u8 = new Uint8Array(256);
  const memory = { u8, view: new DataView(u8.buffer) };
  const exec = parseTracepointFormat(Exec);
  const values = { filename: "/usr/bin/ls", pid: 41, old_pid: -1 };
  assert.is(recordSize(exec, values), 32);
  writeRecord(exec, values, memory, 64);
  assert.is(memory.view.getUint32(64 + 8, true), 20 | (12 << 16));
  assert.is(memory.view.getInt32(64 + 12, true), 41);
  assert.is(memory.view.getInt32(64 + 16, true), -1);
  assert.is(new TextDecoder().decode(u8.subarray(64 + 20, 64 + 32)), "/usr/bin/ls\0");

  u8.fill(0);
  const mixed = parseTracepointFormat(Mixed);
  const all = {
    name: 0xffff_8880_4000_0000n,
    comm: "a name that is too long",
    args: [1n, -1n],
    bytes: Uint8Array.of(9, 8),
    small: -2,
    tiny: 300,
  };
  assert.is(recordSize(mixed, all), 89);
  writeRecord(mixed, all, memory, 0);
  assert.is(memory.view.getBigUint64(8, true), 0xffff_8880_4000_0000n);
  assert.is(new TextDecoder().decode(u8.subarray(16, 32)), "a name that is \0");
  assert.is(memory.view.getBigInt64(40, true), -1n);
  // Relative locations count from the end of the word that holds them.
  assert.is(memory.view.getUint32(80, true), (87 - 84) | (2 << 16));
  assert.equal([...u8.subarray(87, 89)], [9, 8]);
  assert.is(memory.view.getInt16(84, true), -2);
  assert.is(u8[86], 44);
});

test.run();
