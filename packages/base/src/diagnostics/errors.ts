/** The error classes of every package. A failure is one of these or it is a bug. */
import { errnoName } from "../abi/errno.ts";
import type { Diagnostic } from "./diagnostic.ts";

/** Options common to all bpfkit errors. */
export interface BpfkitErrorOptions {
  readonly cause?: unknown;
  /** What to try next. */
  readonly hint?: string;
  /** The findings behind the failure, in the order to be shown. */
  readonly diagnostics?: readonly Diagnostic[];
}

/** A failure caused by the input or the environment; its message is meant for the user. */
export class BpfkitError extends Error {
  override readonly name: string = "BpfkitError";
  readonly code: string;
  readonly hint: string | undefined;
  readonly diagnostics: readonly Diagnostic[];

  constructor(code: string, message: string, options: BpfkitErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.diagnostics = options.diagnostics ?? [];
  }
}

/** The call itself is wrong: an option, an argument or a name. The CLI exits with 2. */
export class UsageError extends BpfkitError {
  override readonly name: string = "UsageError";

  constructor(message: string, options: BpfkitErrorOptions = {}) {
    super("US001", message, options);
  }
}

/** An invariant of bpfkit is broken: our bug, never the user's. */
export class InternalError extends BpfkitError {
  override readonly name: string = "InternalError";

  constructor(message: string, options: BpfkitErrorOptions = {}) {
    super("IN001", `internal error: ${message}`, {
      hint: "This is a bug in bpfkit. Please report it with the input that caused it.",
      ...options,
    });
  }
}

/** The feature is valid but not available: in this version of bpfkit or on this kernel. */
export class NotSupportedError extends BpfkitError {
  override readonly name: string = "NotSupportedError";
  readonly feature: string;
  /** First kernel that has it ("5.8"), when the kernel is what lacks it. */
  readonly since: string | undefined;

  constructor(feature: string, options: BpfkitErrorOptions & { readonly since?: string } = {}) {
    const since = options.since === undefined ? "" : ` (needs Linux ${options.since} or newer)`;
    super("NS001", `${feature} is not supported${since}`, options);
    this.feature = feature;
    this.since = options.since;
  }
}

/** A kernel call failed, in a real kernel or in the simulated one. */
export class SyscallError extends BpfkitError {
  override readonly name: string = "SyscallError";
  readonly command: string;
  /** Positive errno number. */
  readonly errno: number;

  constructor(
    command: string,
    errno: number,
    options: BpfkitErrorOptions & { readonly detail?: string } = {},
  ) {
    const detail = options.detail === undefined ? "" : `: ${options.detail}`;
    super("SY001", `${command} failed with ${errnoName(errno)}${detail}`, options);
    this.command = command;
    this.errno = errno;
  }
}
