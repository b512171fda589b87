/** What is measured beside the peers: a row for each number, the same on the host and in the guest. */

/** One number of one program. */
export interface Measurement {
  readonly what: string;
  readonly who: string;
  readonly value: number;
  readonly unit: string;
}
