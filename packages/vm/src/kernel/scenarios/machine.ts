/** What every scenario's machine has: its first processes and its disks. */
import type { DiskDescription } from "../objects/block-structs.ts";
import type { Task } from "../objects/task.ts";
import type { Simulation } from "../simulation.ts";

/** Disks of the simulated machine: one NVMe drive and two SATA ones. Minor numbers leave room for partitions. */
export const Disks: readonly DiskDescription[] = [
  { name: "nvme0n1", major: 259, firstMinor: 0, sectors: 1_000_215_216, driver: "nvme" },
  { name: "sda", major: 8, firstMinor: 0, sectors: 3_907_029_168, driver: "scsi" },
  { name: "sdb", major: 8, firstMinor: 16, sectors: 3_907_029_168, driver: "scsi" },
];

/** Process ids of the machine's own processes. */
export const FixedPid = {
  systemd: 1,
  kthreadd: 2,
  journald: 287,
  dbus: 540,
  cron: 612,
  nginx: 907,
  postgres: 921,
  snmpd: 933,
  sshd: 1871,
  bash: 1893,
} as const;

/** User ids on the machine. */
export const UserId = {
  root: 0,
  wwwData: 33,
  messagebus: 100,
  snmp: 114,
  postgres: 115,
  user: 1000,
} as const;

/** A process of the machine, made when first wanted; its ancestors come with it. */
export function fixedTask(simulation: Simulation, name: keyof typeof FixedPid): Task {
  const pid = FixedPid[name];
  const known = simulation.world.task(pid);
  if (known !== undefined) return known;
  const { comm, uid, parent, kernelThread = false } = Descriptions[name];
  return simulation.world.createTask({
    pid,
    comm,
    uid,
    kernelThread,
    cpu: pid % simulation.world.cpuCount,
    ...(parent === undefined ? {} : { parent: fixedTask(simulation, parent) }),
  });
}

/** A disk, added when first wanted. */
export function disk(simulation: Simulation, name: string): ReturnType<Simulation["world"]["addDisk"]> {
  const known = simulation.world.disks.get(name);
  if (known !== undefined) return known;
  const description = Disks.find((candidate) => candidate.name === name)!;
  return simulation.world.addDisk(description);
}

interface FixedDescription {
  readonly comm: string;
  readonly uid: number;
  readonly parent?: keyof typeof FixedPid;
  readonly kernelThread?: boolean;
}

const Descriptions: Readonly<Record<keyof typeof FixedPid, FixedDescription>> = {
  systemd: { comm: "systemd", uid: UserId.root },
  kthreadd: { comm: "kthreadd", uid: UserId.root, kernelThread: true },
  journald: { comm: "systemd-journal", uid: UserId.root, parent: "systemd" },
  dbus: { comm: "dbus-daemon", uid: UserId.messagebus, parent: "systemd" },
  cron: { comm: "cron", uid: UserId.root, parent: "systemd" },
  nginx: { comm: "nginx", uid: UserId.wwwData, parent: "systemd" },
  postgres: { comm: "postgres", uid: UserId.postgres, parent: "systemd" },
  snmpd: { comm: "snmpd", uid: UserId.snmp, parent: "systemd" },
  sshd: { comm: "sshd", uid: UserId.root, parent: "systemd" },
  bash: { comm: "bash", uid: UserId.user, parent: "sshd" },
};
