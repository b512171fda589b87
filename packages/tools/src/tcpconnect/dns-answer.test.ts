/** Tests of reading DNS answers, damaged ones too. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseDnsAnswer } from "./dns-answer.ts";
import { DnsCache } from "./dns-cache.ts";

const name = (text: string) =>
  text.split(".").flatMap((label) => [label.length, ...[...label].map((letter) => letter.charCodeAt(0))]);

const header = (flags: number, questions: number, answers: number) => [
  0x12,
  0x34,
  flags >> 8,
  flags & 0xff,
  0,
  questions,
  0,
  answers,
  0,
  0,
  0,
  0,
];

const question = [...name("www.example.org"), 0, 0, 1, 0, 1];
/** A pointer to the question's name, type, class, lifetime, length. */
const record = (type: number, data: readonly number[]) => [
  0xc0,
  12,
  0,
  type,
  0,
  1,
  0,
  0,
  0,
  60,
  0,
  data.length,
  ...data,
];
const alias = [...name("web"), 0xc0, 16];

const packet = Uint8Array.from([
  ...header(0x8180, 1, 3),
  ...question,
  ...record(5, alias),
  ...record(1, [192, 0, 2, 7]),
  ...record(28, [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]),
]);

test("the name that was asked for and its addresses", () => {
  assert.equal(parseDnsAnswer(packet), {
    name: "www.example.org",
    addresses: ["192.0.2.7", "2001:db8::9"],
  });
});

test("questions are no answers", () => {
  assert.is(parseDnsAnswer(Uint8Array.from([...header(0x0100, 1, 0), ...question])), undefined);
  assert.is(parseDnsAnswer(Uint8Array.from([...header(0x8180, 2, 0), ...question, ...question])), undefined);
});

test("cut off anywhere it is nothing, and it never hangs", () => {
  for (let length = 0; length < packet.length; length++) {
    assert.is(parseDnsAnswer(packet.slice(0, length)), undefined, `${length}`);
  }
  const circle = Uint8Array.from([...header(0x8180, 1, 1), 0xc0, 12, 0, 1, 0, 1]);
  assert.is(parseDnsAnswer(circle), undefined);
  let state = 1;
  for (let round = 0; round < 2000; round++) {
    const damaged = packet.slice();
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    damaged[(state >>> 8) % damaged.length] = state >>> 24;
    parseDnsAnswer(damaged);
  }
});

test("letters that could steer a terminal are shown as numbers", () => {
  const evil = [3, 0x1b, 0x5b, 0x41, 0, 0, 1, 0, 1];
  const bytes = Uint8Array.from([...header(0x8180, 1, 0), ...evil]);
  assert.is(parseDnsAnswer(bytes)?.name, "\\027[A");
});

test("the cache says how old an answer is, and forgets", () => {
  const cache = new DnsCache();
  assert.is(cache.text("192.0.2.7", 5n), "No DNS Query");
  assert.is(cache.text("::1", 5n), "localhost");
  cache.add({ ts_us: 1000n, size: packet.length, packet: [...packet] });
  assert.is(cache.text("192.0.2.7", 90_000n), "www.example.org");
  assert.is(cache.text("2001:db8::9", 151_250n), "www.example.org (150.250ms)");
  assert.is(cache.text("192.0.2.7", 86_400_002_000n), "No DNS Query");
});

test.run();
