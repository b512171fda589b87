/** The clock facet's wait: lets the simulated world run until something is readable, the time is up or nothing is left. */
import { Errno } from "@bpfkit/base/abi";
import { SyscallError } from "@bpfkit/base/diagnostics";
import type { Fd, WaitResult } from "@bpfkit/base/kernel";
import type { KernelState } from "./kernel-state.ts";

/** Real time after which other work of the process gets a turn, ms. */
const TurnMs = 50;
/** Events between two looks at the real clock. */
const EventsPerLook = 256;

/** Runs simulated time. */
export class Waiting {
  readonly #state: KernelState;
  /** When the scenario is over, ns on the simulated clock. */
  readonly #endNs: number;
  /** Called once, before time first moves. */
  readonly #begin: () => void;
  #begun = false;
  #turnStarted = 0;

  constructor(state: KernelState, endNs: number, begin: () => void) {
    this.#state = state;
    this.#endNs = endNs;
    this.#begin = begin;
  }

  /** The scenario is over. */
  get ended(): boolean {
    return this.#state.simulation.world.clock.nowNs >= this.#endNs;
  }

  /** As {@link KernelClock.wait}. @throws ProgramFault when a program was ended for what it did */
  async wait(fds: readonly Fd[], timeoutMs: number, signal: AbortSignal | undefined): Promise<WaitResult> {
    const { world } = this.#state.simulation;
    const timeoutNs = Number.isFinite(timeoutMs) ? Math.round(timeoutMs * 1e6) : timeoutMs;
    const deadlineNs = world.clock.nowNs + Math.max(0, Number.isNaN(timeoutNs) ? 0 : timeoutNs);
    if (this.ended && Number.isFinite(deadlineNs)) {
      // Nothing happens any more, but a sleep still takes its time.
      const ready = this.#ready(fds);
      if (ready.length === 0) world.clock.moveTo(deadlineNs);
      return { ready, ended: true };
    }
    if (!this.#begun) {
      this.#begun = true;
      this.#begin();
    }
    this.#ready(fds);
    for (let events = 0; ; events++) {
      if (events % EventsPerLook === 0) await this.#giveTurn();
      if (signal?.aborted === true) return { ready: [], ended: this.ended };
      if (events === 0 || world.woken) {
        world.woken = false;
        const ready = this.#ready(fds);
        if (ready.length > 0) return { ready, ended: this.ended };
      }
      if (!this.#runNext(Math.min(deadlineNs, this.#endNs))) break;
    }
    return { ready: [], ended: this.ended };
  }

  /** Runs the next event if it is due by `limitNs`, else moves the clock there; false in that case. */
  #runNext(limitNs: number): boolean {
    const { world } = this.#state.simulation;
    const next = world.queue.nextTimeNs;
    if (next === undefined || next > limitNs || world.clock.nowNs > limitNs) {
      world.clock.moveTo(limitNs);
      return false;
    }
    world.clock.moveTo(next);
    world.queue.take()?.();
    const fault = world.faults.shift();
    if (fault !== undefined) throw fault;
    return true;
  }

  /** @throws SyscallError EBADF for closed descriptors, EPERM for those that cannot be polled, as epoll_ctl(2) does. */
  #ready(fds: readonly Fd[]): Fd[] {
    return fds.filter((fd) => {
      const file = this.#state.descriptors.get(fd);
      if (file === undefined) throw new SyscallError("epoll_ctl", Errno.EBADF);
      if (file.readable === undefined) throw new SyscallError("epoll_ctl", Errno.EPERM);
      return file.readable();
    });
  }

  /** Lets timers and signals of the real process run now and then. */
  async #giveTurn(): Promise<void> {
    const now = performance.now();
    if (now - this.#turnStarted < TurnMs) return;
    await new Promise<void>((resolve) => {
      setTimeout(resolve, 0);
    });
    this.#turnStarted = performance.now();
  }
}
