/**
 * A process of its own for calls of libbpf: in private namespaces, so that pins and devices are nobody else's, and so
 * that it can be ended when the verifier takes too long. Each message is an order; each answer a verdict.
 */
import { execFileSync } from "node:child_process";
import { stayOnThisProcessor } from "./processor.ts";
import { judge, type Order } from "./session.ts";

/** Where objects pin the maps that ask for it by name. */
const pins = "/sys/fs/bpf";

process.on("message", (order: Order) => {
  const verdict = judge(order);
  // What the object pinned goes with the file system.
  execFileSync("umount", [pins]);
  execFileSync("mount", ["-t", "bpf", "none", pins]);
  process.send?.(verdict);
});
stayOnThisProcessor();
process.on("disconnect", () => process.exit(0));
process.send?.("ready");
