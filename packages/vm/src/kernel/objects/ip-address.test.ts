/** Tests of IP addresses as bytes. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ipBytes, mappedIpv6 } from "./ip-address.ts";

const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

const addresses: readonly (readonly [string, string])[] = [
  ["192.0.2.1", "c0000201"],
  ["::1", "00000000000000000000000000000001"],
  ["::", "00000000000000000000000000000000"],
  ["2001:db8:0:9::2:1", "20010db8000000090000000000020001"],
  ["1:2:3:4:5:6:7:8", "00010002000300040005000600070008"],
];
for (const [text, bytes] of addresses) test(text, () => assert.is(hex(ipBytes(text)), bytes));

test("what is no address is refused", () => {
  for (const text of ["", "1.2.3", "1.2.3.256", "1.2.3.x", "1:2:3", "g::1", "1:2:3:4:5:6:7:8:9"]) {
    assert.throws(() => ipBytes(text), /VM043|is no IP address/, text);
  }
});

test("IPv6 has a name for every IPv4 address", () => {
  assert.is(hex(mappedIpv6(ipBytes("192.0.2.1"))), "00000000000000000000ffffc0000201");
});

test.run();
