/**
 * Attaches a program in every way there is and then waits to be killed. Arguments: `held` for what hangs on descriptors or
 * `staying` for what does not, object, folder of a cgroup. Prints a line once all is attached.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { BPF } from "bpfkit";
import { openLinuxKernel } from "bpfkit/node";

const [which = "", path = "", cgroup = ""] = process.argv.slice(2);
const kernel = await openLinuxKernel();
const bpf = await BPF.open({ object: readFileSync(path), name: "attach-all", kernel });

if (which === "held") {
  bpf.attachKprobe({ event: "do_nanosleep", program: "on_entry" });
  bpf.attachKretprobe({ event: "do_nanosleep", program: "on_entry" });
  bpf.attachUprobe({ path: "libc.so.6", symbol: "getppid", program: "on_entry" });
  bpf.attachUretprobe({ path: "libc.so.6", symbol: "getppid", program: "on_entry" });
  bpf.attachPerfEvent({ kind: "software", config: 0, sampleFrequencyHz: 20, program: "on_sample" });
  bpf.attachXdp({ interface: "lo", mode: "generic", program: "on_packet" });
  bpf.attachCgroup({ path: cgroup, program: "on_egress" });
  bpf.attachCgroup({ path: cgroup, program: "on_connect" });
  bpf.attachNetworkNamespace({ program: "on_lookup" });
  bpf.attachNetworkNamespace({ program: "on_flow" });
  bpf.attachRawSocket({ interface: "lo", program: "on_socket" });
  bpf.attachSocketMap({ map: "sockets", program: "on_message" });
  bpf.attachSocketMap({ map: "sockets", program: "on_verdict" });
  bpf.attachIterator({ program: "every_task" }).read();
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { fd } = (server as unknown as { _handle: { fd: number } })._handle;
  bpf.attachSocketFilter({ socket: fd, program: "on_socket" });
  bpf.table("perf").openPerfBuffer(() => {});
  bpf.table("ring").openRingBuffer(() => {});
  bpf.collection.variable("seen").write(1n);
} else {
  bpf.attachXdp({ interface: "lo", mode: "generic", program: "on_packet", how: "netlink" });
  bpf.attachTrafficControl({
    interface: "lo",
    direction: "ingress",
    program: "on_classified",
    how: "clsact",
  });
  bpf.attachCgroup({ path: cgroup, program: "on_egress", how: "program" });
  bpf.attachKprobe({ event: "do_nanosleep", program: "on_entry", mode: "tracefs" });
}
process.stdout.write(`attached ${bpf.links.length}\n`);
setInterval(() => {}, 1000);
