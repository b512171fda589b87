/** Runs inside the guest: makes the disk with the peers a place to chroot into. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, readFileSync } from "node:fs";

/** Where the disk is mounted. */
export const peersRoot = "/peers";

/** Modules that a virtio disk needs in Debian's cloud kernel, where ext4 is built in. */
export const diskModules = ["virtio_pci", "virtio_blk"];

const mount = (...words: string[]): void => {
  execFileSync("/bin/mount", words);
};

/** Inserts the modules and mounts everything that a program in there expects. */
export function mountPeers(): void {
  for (const module of readFileSync("/modules/order", "utf8").trim().split("\n"))
    if (/virtio/.test(module)) execFileSync("/bin/insmod", [`/modules/${module}`]);
  mkdirSync(peersRoot);
  mount("-t", "ext4", "-o", "ro", "/dev/vda", peersRoot);
  for (const name of ["proc", "sys", "dev"]) mount("--rbind", `/${name}`, `${peersRoot}/${name}`);
  mount("-t", "tmpfs", "none", `${peersRoot}/tmp`);
  copyFileSync("/bin/busybox", `${peersRoot}/tmp/busybox`);
  // What the host sends along is what programs in there read.
  for (const name of readdirSync("/peers-input"))
    copyFileSync(`/peers-input/${name}`, `${peersRoot}/tmp/${name}`);
  execFileSync("/bin/ip", ["link", "set", "lo", "up"]);
}

/** Starts a program in there. Standard error goes to the console, standard output into a pipe unless told otherwise. */
export function spawnPeer(words: readonly string[], stdout: number | "pipe" = "pipe"): ChildProcess {
  const env = {
    PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
    HOME: "/tmp",
    // Without it libbpf-tools' opensnoop opens /etc/localtime for every event that it prints, and prints that, too.
    TZ: "UTC0",
    PYTHONUNBUFFERED: "1",
    PYTHONDONTWRITEBYTECODE: "1",
  };
  return spawn("/bin/chroot", [peersRoot, ...words], { env, stdio: ["pipe", stdout, "inherit"] });
}
