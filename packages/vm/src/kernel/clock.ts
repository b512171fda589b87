/** The simulated clocks. Whole nanoseconds in numbers: exact for more than a hundred days. */

/** Uptime when a simulated kernel is made: 1000 s, so that times look like those of a machine that has been up for a while. */
export const UptimeAtStartNs = 1_000_000_000_000;

/** Wall clock when a simulated kernel is made: 2026-01-05 10:00:00 UTC. */
const WallClockAtStartMs = Date.UTC(2026, 0, 5, 10, 0, 0);

/** CONFIG_HZ of Debian's kernels. */
const JiffyNs = 4_000_000;

/** INITIAL_JIFFIES: five minutes before the 32-bit counter wraps. */
const InitialJiffies = 2 ** 32 - 300 * 250;

/** TAI is 37 s ahead of UTC. */
const TaiOffsetMs = 37_000;

/** Time in the simulated kernel; moves only when told to. */
export class SimulatedClock {
  #nowNs = UptimeAtStartNs;

  /** CLOCK_MONOTONIC and CLOCK_BOOTTIME: the machine has never slept. */
  get nowNs(): number {
    return this.#nowNs;
  }

  /** Moves forward; a time in the past changes nothing. */
  moveTo(timeNs: number): void {
    if (timeNs > this.#nowNs) this.#nowNs = timeNs;
  }

  get wallClockMs(): number {
    return WallClockAtStartMs + (this.#nowNs - UptimeAtStartNs) / 1e6;
  }

  /** Rounded to about 0.2 us: the value is too large to be exact in a number. */
  get taiNs(): number {
    return (this.wallClockMs + TaiOffsetMs) * 1e6;
  }

  get jiffies(): number {
    return InitialJiffies + Math.floor(this.#nowNs / JiffyNs);
  }
}
