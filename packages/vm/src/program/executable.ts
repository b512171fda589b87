/** What an engine makes of a program image. */

/** Code that can be entered at any function of the program. */
export interface Executable {
  /**
   * Runs a function. Arguments r1 to r5 are in the control block, the result is left there.
   * @param fn number of the function; 0 is the entry
   * @param frame offset in linear memory that r10 gets; the 512 bytes below it are the function's
   */
  enter(fn: number, frame: number): void;
}
