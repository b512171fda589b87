/** Collects what is refused in each function, so that a user is told of all of it at once. */
import { BpfkitError, type Diagnostic } from "@bpfkit/base/diagnostics";

/** More are no help. */
const mostDiagnostics = 20;

/** Refusals of several functions, in order; the same one of a function inlined at several calls counts once. */
export class Refusals {
  #first: BpfkitError | undefined;
  readonly #diagnostics = new Map<string, Diagnostic>();

  /** What `run` gives, or nothing where it refuses. Errors that are no refusals pass. */
  collect<Result>(run: () => Result): Result[] {
    try {
      return [run()];
    } catch (error) {
      if (!(error instanceof BpfkitError) || !/^CG1\d\d$/.test(error.code)) throw error;
      this.#first ??= error;
      for (const diagnostic of error.diagnostics) {
        const { code, message, range } = diagnostic;
        const text = message.replace(/ \(function [^)]*\)$/, "");
        const key =
          range === undefined ? message : `${range.file}:${range.line}:${range.column} ${code} ${text}`;
        if (!this.#diagnostics.has(key)) this.#diagnostics.set(key, diagnostic);
      }
      return [];
    }
  }

  /** @throws BpfkitError the first refusal, with the diagnostics of all */
  throwFirst(): void {
    if (this.#first === undefined) return;
    const { code, message, hint } = this.#first;
    const diagnostics = [...this.#diagnostics.values()].slice(0, mostDiagnostics);
    throw new BpfkitError(code, message, {
      cause: this.#first,
      diagnostics,
      ...(hint === undefined ? {} : { hint }),
    });
  }
}
