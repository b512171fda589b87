/** Times as the tools print them. */

/** `HH:MM:SS` of a wall clock in milliseconds since 1970, in the local time zone. */
export function clockTime(wallClockMs: number): string {
  const time = new Date(wallClockMs);
  return [time.getHours(), time.getMinutes(), time.getSeconds()]
    .map((part) => String(part).padStart(2, "0"))
    .join(":");
}
