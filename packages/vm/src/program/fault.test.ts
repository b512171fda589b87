/** What ended programs are advised to do. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ProgramFault } from "./fault.ts";

const faults: readonly (readonly [message: string, hint: RegExp | undefined])[] = [
  ["invalid access: the program tried to read 8 byte(s) at 0x0, a NULL pointer", /if \(!p\) return 0/],
  ["the program did not end after 100 backward jumps and calls", /bound that is a constant/],
  ["bpf_map_lookup_elem: R2 does not point to 4 byte(s) that the program may read", /&key/],
  ["there is no helper 999", undefined],
];
for (const [message, hint] of faults) {
  test(message, () => {
    const source = { file: "a.c", line: 3, column: 1, text: "*v += 1;" };
    const fault = new ProgramFault("VM010", message, { program: "p", slot: 1, source });
    assert.is(fault.diagnostics[0]?.hint, fault.hint);
    if (hint === undefined) assert.is(fault.hint, undefined);
    else assert.match(fault.hint ?? "", hint);
  });
}

test.run();
