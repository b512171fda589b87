/** Tests of IP addresses as text. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ipAddress, ipv4Text, ipv6Text } from "./ip-address.ts";

/** Bytes and what inet_ntop(3) of glibc makes of them. */
const addresses: readonly (readonly [string, string])[] = [
  ["00000000000000000000000000000000", "::"],
  ["00000000000000000000000000000001", "::1"],
  ["20010db8000000000000000000000010", "2001:db8::10"],
  ["20010db8000000070000000000000001", "2001:db8:0:7::1"],
  ["20010db8000000090000000000020001", "2001:db8:0:9::2:1"],
  ["20010db8000000000001000000000001", "2001:db8::1:0:0:1"],
  ["20010db8000000010001000100010001", "2001:db8:0:1:1:1:1:1"],
  ["fe80000000000000000000000000abcd", "fe80::abcd"],
  ["00010002000300040005000600070000", "1:2:3:4:5:6:7:0"],
  ["00010002000300040005000600000000", "1:2:3:4:5:6::"],
  ["00000000000000000000ffffc0000201", "::ffff:192.0.2.1"],
  ["000000000000000000000000c0000201", "::192.0.2.1"],
];
for (const [hex, text] of addresses) {
  test(`${hex} is ${text}`, () => {
    assert.is(ipv6Text(Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16))), text);
  });
}

test("events have addresses as words in memory order", () => {
  assert.is(ipv4Text(Uint8Array.of(192, 0, 2, 1)), "192.0.2.1");
  assert.is(ipAddress(4, [0x0100_007f, 0, 0, 0]), "127.0.0.1");
  assert.is(ipAddress(6, [0, 0, 0, 0x0100_0000]), "::1");
});

test.run();
