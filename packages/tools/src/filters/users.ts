/** Users on a command line: by number, or by name where the machine has a list of them. */
import { type Kernel, UsageError } from "bpfkit/tracing";
import type { Options } from "../options/options.ts";

/** Lists of users are looked up in this file, of which so much is read (passwd(5)). */
const passwd = "/etc/passwd";
const mostBytes = 1 << 20;

/** The id of the user that an option names; undefined where it is not given. @throws UsageError for nobody */
export function userId(options: Options, long: string, kernel: Pick<Kernel, "openFile">): number | undefined {
  const text = options.text(long);
  if (text === undefined || /^\d+$/.test(text)) return options.number(long);
  const file = kernel.openFile(passwd);
  if (file === undefined) {
    throw new UsageError(`--${long} takes the number of a user here, not '${text}'`, {
      hint: `There is no ${passwd} to look names up in.`,
    });
  }
  try {
    const lines = new TextDecoder().decode(file.read(0, mostBytes)).split("\n");
    const id = lines.map((line) => line.split(":")).find(([name]) => name === text)?.[2];
    if (id === undefined) throw new UsageError(`--${long}: there is no user '${text}'`);
    return Number(id);
  } finally {
    file.close();
  }
}
