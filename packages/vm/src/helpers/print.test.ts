/** bpf_trace_printk, bpf_trace_vprintk and bpf_snprintf: formats as the kernel prints and refuses them. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Lab, runBoth } from "../testdata/lab.ts";

const EINVAL = BigInt.asUintN(64, -22n);

/** Context: the format at 0, strings and numbers from 64 on; r6 is the context. */
function contextOf(format: string, data: Uint8Array = new Uint8Array(0)): Uint8Array {
  const context = new Uint8Array(192);
  context.set(new TextEncoder().encode(format));
  context.set(data, 64);
  return context;
}

function print(
  format: string,
  values: readonly string[] = [],
  data?: Uint8Array,
): { r0: bigint; line: string } {
  const loads = values.map((value, i) =>
    value.startsWith("r") ? `r${3 + i} = r6\nr${3 + i} += 64` : `r${3 + i} = ${value} ll`,
  );
  const text = `r6 = r1\n${loads.join("\n")}\nr1 = r6\nr2 = ${format.length + 1}\ncall bpf_trace_printk\nexit`;
  const outcome = runBoth(text, { context: contextOf(format, data) });
  return { r0: outcome.r0 as bigint, line: outcome.printed.join("|") };
}

const formats: readonly [format: string, values: readonly string[], line: string][] = [
  ["Hello, World!\n", [], "Hello, World!\n"],
  ["100%%", [], "100%"],
  ["%d", ["0xffffffff"], "-1"],
  ["%d", ["0x1ffffffff"], "-1"],
  ["%i", ["0x5"], "5"],
  ["%u", ["0xffffffff"], "4294967295"],
  ["%ld", ["0xffffffff"], "4294967295"],
  ["%ld", ["0xffffffffffffffff"], "-1"],
  ["%llu", ["0xffffffffffffffff"], "18446744073709551615"],
  ["%lld", ["0x8000000000000000"], "-9223372036854775808"],
  ["%x %X", ["0xdeadbeef", "0xdeadbeef"], "deadbeef DEADBEEF"],
  ["%llx", ["0xdeadbeef12345678"], "deadbeef12345678"],
  ["[%5d] [%-5d] [%05d]", ["0x2a", "0x2a", "0x2a"], "[   42] [42   ] [00042]"],
  ["[%+d] [% d] [%06d]", ["0x7", "0x7", "0xfffffff9"], "[+7] [ 7] [-00007]"],
  ["%c%c", ["0x41", "0x162"], "Ab"],
  ["%p", ["0xffff888012345678"], "ffff888012345678"],
  ["%p", ["0x0"], "0000000000000000"],
  ["%px.", ["0x12"], "0000000000000012."],
  ["%d%d%d", ["0x1", "0x2", "0x3"], "123"],
];
for (const [format, values, line] of formats) {
  test(`prints ${JSON.stringify(format)}`, () => {
    assert.equal(print(format, values), { r0: BigInt(line.length), line });
  });
}

for (const format of [
  "%d%d%d%d",
  "%f",
  "%n",
  "%",
  "%l",
  "%lll",
  "%.3d",
  "%*d",
  "%#x",
  "%sa",
  "%pa",
  "%pB",
  "%s%",
  "\u0001",
  "é",
]) {
  test(`refuses ${JSON.stringify(format)}`, () => {
    assert.equal(print(format, ["0x0", "0x0", "0x0"]), { r0: EINVAL, line: "" });
  });
}

test("strings of the program's own memory and of the kernel", () => {
  const data = new TextEncoder().encode("stringy\0");
  assert.is(print("[%s]", ["r"], data).line, "[stringy]");
  assert.is(print("[%10s|%-10s]", ["r", "r"], data).line, "[   stringy|stringy   ]");
  assert.is(print("[%pks]", ["r"], data).line, "[stringy]");
  assert.is(print("[%s]", ["0x0"]).line, "[]", "what cannot be read is empty");
  assert.is(print("[%pus]", ["r"], data).line, "[]", "not a user address");
});

test("a format without its zero is refused, one beyond the program's memory ends the run", () => {
  assert.is(
    runBoth("r2 = 5\ncall bpf_trace_printk\nexit", { context: contextOf("Hello, World") }).r0,
    EINVAL,
  );
  assert.is(
    runBoth("r2 = 500\ncall bpf_trace_printk\nexit", { context: contextOf("x") }).fault?.code,
    "VM012",
  );
});

test("lines are cut at 1023 bytes, text is UTF-8 only where the kernel lets it through", () => {
  const { line } = print("%2000d", ["0x1"]);
  assert.is(line.length, 1023);
  const name = new TextEncoder().encode("grüße\0");
  assert.is(print("%s", ["r"], name).line, "grüße");
});

const vprintk = (count: number): string =>
  `r3 = r1\nr3 += 64\nr2 = 32\nr4 = ${count * 8}\ncall bpf_trace_vprintk\nexit`;

test("bpf_trace_vprintk takes up to twelve values", () => {
  const data = new Uint8Array(BigUint64Array.from({ length: 12 }, (_, i) => BigInt(i)).buffer);
  const format = "%d".repeat(12);
  assert.equal(runBoth(vprintk(12), { context: contextOf(format, data) }).printed, ["01234567891011"]);
  assert.is(runBoth(vprintk(11), { context: contextOf(format, data) }).r0, EINVAL);
  assert.is(runBoth(vprintk(13), { context: contextOf(format, data) }).r0, EINVAL);
  assert.is(runBoth(vprintk(1).replace("r4 = 8", "r4 = 7"), { context: contextOf("x") }).r0, EINVAL);
  assert.is(
    runBoth("r3 = 0\nr2 = 2\nr4 = 0\ncall bpf_trace_vprintk\nexit", { context: contextOf("x") }).r0,
    1n,
  );
  assert.is(
    runBoth("r3 = 0\nr2 = 2\nr4 = 8\ncall bpf_trace_vprintk\nexit", { context: contextOf("x") }).r0,
    EINVAL,
  );
});

test("bpf_snprintf returns the whole length and cuts what does not fit", () => {
  const data = new Uint8Array(BigUint64Array.of(123456n).buffer);
  const program = (room: number): string =>
    `r6 = r1\nr3 = r1\nr4 = r1\nr4 += 64\nr1 += 128\nr2 = ${room}\nr5 = 8\ncall bpf_snprintf\nexit`;
  const run = (room: number): { r0: bigint | undefined; text: string } => {
    const context = contextOf("<%d>", data);
    context.fill(0xee, 128);
    const outcome = runBoth(program(room), { context });
    return { r0: outcome.r0, text: Buffer.from(outcome.context.subarray(128, 140)).toString("hex") };
  };
  assert.equal(run(12), { r0: 9n, text: `${Buffer.from("<123456>\0").toString("hex")}eeeeee` });
  assert.equal(run(4), { r0: 9n, text: `${Buffer.from("<12\0").toString("hex")}eeeeeeeeeeeeeeee` });
  assert.equal(run(0), { r0: 9n, text: "ee".repeat(12) });
  const unended = (lab: Lab): void => {
    lab.world.printed.length = 0;
  };
  const context = contextOf("x".repeat(192));
  const noZero = "r3 = r1\nr4 = 0\nr2 = 0\nr5 = 0\ncall bpf_snprintf\nexit";
  assert.is(runBoth(noZero, { context, prepare: unended }).fault?.code, "VM012");
});

test("a program that prints without end is ended, and says where", () => {
  const text = `r6 = r1\nagain: r1 = r6\nr2 = 2\ncall bpf_trace_printk\ngoto again`;
  const { fault, printed } = runBoth(text, { context: contextOf("x") });
  assert.is(fault?.code, "VM011");
  assert.match(fault?.message ?? "", /instruction 3: the program did not end after 262144 lines of output/);
  assert.is(printed.length, 262_144);
});

test.run();
