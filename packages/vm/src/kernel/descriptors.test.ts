/** Descriptor numbers and lifetimes are POSIX's. */
import { SyscallError } from "@bpfkit/base/diagnostics";
import type { Fd } from "@bpfkit/base/kernel";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { DescriptorTable, type Openable } from "./descriptors.ts";

function file(log: string[], name: string): Openable {
  return { kind: "test", released: () => log.push(name) };
}

test("the lowest free number is taken", () => {
  const table = new DescriptorTable();
  const log: string[] = [];
  const fds = ["a", "b", "c"].map((name) => table.open(file(log, name), "open"));
  assert.equal(fds, [3, 4, 5] as Fd[]);
  table.close(3);
  table.close(4);
  assert.equal(log, ["a", "b"]);
  assert.is(table.open(file(log, "d"), "open"), 3 as Fd);
  assert.is(table.open(file(log, "e"), "open"), 4 as Fd);
  assert.is(table.open(file(log, "f"), "open"), 6 as Fd);
});

test("a file lives until the last holder lets go", () => {
  const table = new DescriptorTable();
  const log: string[] = [];
  const held = file(log, "held");
  const fd = table.open(held, "open");
  table.retain(held);
  table.close(fd);
  assert.equal(log, []);
  table.drop(held);
  assert.equal(log, ["held"]);
  table.drop(held);
  assert.equal(log, ["held"], "released once");
});

test("closing what is not open is EBADF", () => {
  const table = new DescriptorTable();
  assert.throws(
    () => table.close(3),
    (error: unknown) => error instanceof SyscallError && error.errno === 9,
  );
});

test.run();
