/**
 * The kernel target on a real kernel: boots Debian's 6.1 in QEMU with Node and the built packages inside and runs every
 * case of guest/cases there. Nothing is attached to the kernel of the machine that runs the tests.
 */
import { test } from "uvu";
import { testInGuest } from "./guest/suite.ts";

testInGuest({
  kernel: "stable",
  title: "guest",
  kernelModules: ["null_blk", "loop", "veth", "sch_ingress", "cls_bpf"],
});

test.run();
