/** The kernel's build configuration, as /proc/config.gz and /boot/config-* have it. */

/** `CONFIG_X` -> text after the equals sign (`y`, `m`, `1000`, `"text"`). Options that are not set are absent. */
export function parseKernelConfiguration(text: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const line of text.split("\n")) {
    const equals = line.indexOf("=");
    if (!line.startsWith("CONFIG_") || equals === -1) continue;
    values.set(line.slice(0, equals), line.slice(equals + 1).trim());
  }
  return values;
}
