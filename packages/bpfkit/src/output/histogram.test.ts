/** Tests of the histogram texts, against lines that BCC printed. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { linearHistogramLines } from "./linear-histogram.ts";
import { log2HistogramLines } from "./log2-histogram.ts";

test("a histogram up to slot 32 has BCC's narrow columns", () => {
  const slots = [0, 3, 0, 211, 0, 0, 0, 1, 800];
  assert.equal(log2HistogramLines(slots, "kbytes"), [
    "     kbytes              : count     distribution",
    "         0 -> 1          : 3        |                                        |",
    "         2 -> 3          : 0        |                                        |",
    "         4 -> 7          : 211      |**********                              |",
    "         8 -> 15         : 0        |                                        |",
    "        16 -> 31         : 0        |                                        |",
    "        32 -> 63         : 0        |                                        |",
    "        64 -> 127        : 1        |                                        |",
    "       128 -> 255        : 800      |****************************************|",
  ]);
});

test("above slot 32 the columns are wide and the bars short", () => {
  const slots = new Array<number>(34).fill(0);
  slots[33] = 7;
  const lines = log2HistogramLines(slots, "nsecs");
  assert.is(lines[0], "               nsecs                         : count     distribution");
  assert.is(lines[33], "          4294967296 -> 8589934591           : 7        |********************|");
});

test("leading rows can be left out, and slot 0 alone prints nothing", () => {
  assert.is(log2HistogramLines([0, 0, 0, 2], "v", { stripLeadingZero: true }).length, 2);
  assert.equal(log2HistogramLines([5], "v"), []);
  assert.equal(log2HistogramLines([], "v"), []);
});

test("a linear histogram counts from slot 0", () => {
  assert.equal(linearHistogramLines([1, 0, 2], "size"), [
    "     size          : count     distribution",
    "        0          : 1        |********************                    |",
    "        1          : 0        |                                        |",
    "        2          : 2        |****************************************|",
  ]);
});

test.run();
