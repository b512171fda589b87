/**
 * The kernel target on a newer kernel, Debian 12's backports: what 6.1 cannot do, and again what depends on a kernel's
 * version. Nothing is attached to the kernel of the machine that runs the tests.
 */
import { test } from "uvu";
import { testInGuest } from "./guest/suite.ts";

testInGuest({
  kernel: "backports",
  title: "newer guest",
  kernelModules: ["null_blk", "loop", "veth", "sch_ingress", "cls_bpf", "nf_conntrack"],
});

test.run();
