/** Whether output may be coloured (https://no-color.org, https://force-color.org), and whether lines can be overwritten. */

/** The part of an output stream that is asked. */
export interface OutputStream {
  readonly isTTY?: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Whether text for this stream may carry colour codes: NO_COLOR forbids them, FORCE_COLOR says 0 or false for never and
 * anything else for always, and where neither is set a terminal that is not dumb has them.
 */
export function mayColour(stream: OutputStream, environment: Environment = process.env): boolean {
  const { NO_COLOR: never, FORCE_COLOR: forced } = environment;
  if (never !== undefined && never !== "") return false;
  if (forced !== undefined) return forced !== "0" && forced !== "false";
  return mayOverwrite(stream, environment);
}

/** Whether the stream is a terminal that moves its cursor and wipes lines as it is told. */
export function mayOverwrite(stream: OutputStream, environment: Environment = process.env): boolean {
  return stream.isTTY === true && environment["TERM"] !== "dumb";
}
