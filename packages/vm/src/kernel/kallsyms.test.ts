/** Made-up addresses are stable, ordered and reversible. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { KernelSymbols } from "./kallsyms.ts";

test("names are asked for once, and only when needed", () => {
  let asked = 0;
  const symbols = new KernelSymbols(() => {
    asked++;
    return ["alpha", "beta", "beta", "gamma"];
  });
  assert.is(asked, 0);
  assert.is(symbols.addressOf("alpha"), 0xffff_ffff_8100_0000n);
  assert.ok(symbols.addressOf("beta") < symbols.addressOf("gamma"));
  assert.is(symbols.addressOf("nowhere"), 0n);
  assert.is(symbols.returnAddressIn("nowhere"), 0n);
  assert.is(symbols.nameAt(symbols.returnAddressIn("gamma")), "gamma");
  assert.is.not(symbols.returnAddressIn("gamma"), symbols.addressOf("gamma"));
  assert.is(symbols.nameAt(0x1000n), undefined);
  assert.ok(symbols.isProbeable("gamma"));
  assert.ok(symbols.has("do_syscall_64"));
  assert.not.ok(symbols.isProbeable("do_syscall_64"));
  assert.match(symbols.text(), /^ffffffff81000000 T alpha\nffffffff81000100 T beta\n/);
  assert.is(asked, 1);
});

test.run();
