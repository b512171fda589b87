/** Ctrl-C: the first ends the tool with its summary, the second ends the process. */
import { ExitCode } from "../exit-codes.ts";

/** A signal that is aborted by SIGINT or SIGTERM. */
export function onInterrupt(): AbortSignal {
  const controller = new AbortController();
  const interrupt = () => {
    if (controller.signal.aborted) process.exit(ExitCode.interrupted);
    controller.abort();
  };
  process.on("SIGINT", interrupt);
  process.on("SIGTERM", interrupt);
  return controller.signal;
}
