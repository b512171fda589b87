/** Whether output may be coloured: only on a terminal, and never with NO_COLOR (https://no-color.org). */

/** Whether text for this stream may carry colour codes. */
export function mayColour(stream: NodeJS.WriteStream): boolean {
  const disabled = process.env["NO_COLOR"] !== undefined && process.env["NO_COLOR"] !== "";
  return stream.isTTY === true && !disabled && process.env["TERM"] !== "dumb";
}
