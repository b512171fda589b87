/** Which licences let a program call GPL-only helpers. */

/** As license_is_gpl_compatible() (include/linux/license.h). */
const compatible: ReadonlySet<string> = new Set([
  "GPL",
  "GPL v2",
  "GPL and additional rights",
  "Dual BSD/GPL",
  "Dual MIT/GPL",
  "Dual MPL/GPL",
]);

/** Is this licence string, as in a program's `license` section, compatible with the GPL to the kernel? */
export function isGplCompatible(licence: string): boolean {
  return compatible.has(licence);
}
