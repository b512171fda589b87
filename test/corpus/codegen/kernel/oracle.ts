/** Asks this machine's kernel about objects, through a worker process. Nothing is ever attached. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { canLoadBpf } from "../../../support/native-tools.ts";
import { hasLibbpf } from "./libbpf.ts";
import type { ObjectVerdict, Order } from "./session.ts";

const mostMilliseconds = 300_000;

/** Whether this machine's kernel can be asked: root, a kernel that takes BPF, libbpf. */
export function canAskKernel(): boolean {
  return canLoadBpf() && hasLibbpf();
}

/** What happened where there is no verdict. */
export class NoVerdict extends Error {}

/** The kernel of this machine as a judge of objects. Needs root and libbpf.so.1; orders are carried out one by one. */
export class KernelOracle {
  #worker: ChildProcess | undefined;

  /** @throws NoVerdict where the worker ended or gave no answer in five minutes */
  async judge(order: Order): Promise<ObjectVerdict> {
    this.#worker ??= await this.#start();
    const answer = this.#next(this.#worker);
    this.#worker.send(order);
    return (await answer) as ObjectVerdict;
  }

  close(): void {
    this.#worker?.kill("SIGKILL");
    this.#worker = undefined;
  }

  async #start(): Promise<ChildProcess> {
    const script = 'mount -t bpf none /sys/fs/bpf && exec "$@"';
    const program = [process.execPath, ...process.execArgv, join(import.meta.dirname, "worker.ts")];
    const worker = spawn("unshare", ["-m", "-n", "sh", "-c", script, "sh", ...program], {
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    await this.#next(worker);
    return worker;
  }

  #next(worker: ChildProcess): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const settle = (how: () => void): void => {
        clearTimeout(timer);
        worker.off("message", onMessage);
        worker.off("exit", onExit);
        how();
      };
      const fail = (reason: string): void =>
        settle(() => {
          this.close();
          reject(new NoVerdict(reason));
        });
      const onMessage = (message: unknown): void => settle(() => resolve(message));
      const onExit = (code: number | null, signal: string | null): void =>
        fail(`the process that loads ended (${signal ?? code})`);
      const timer = setTimeout(() => fail("no answer in five minutes"), mostMilliseconds);
      worker.on("message", onMessage);
      worker.on("exit", onExit);
    });
  }
}
