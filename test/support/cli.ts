/** Runs the command as a user does, in a folder of its own with a cache of its own. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/** Path of the command's program, for tests that start it in their own way. */
export const cliProgram = resolve(import.meta.dirname, "../../packages/cli/bin/bpfkit.cjs");

/** How a command ended. */
export interface CliResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder to work in; removed by `close`. The cache is shared by all workspaces of a test process. */
export class Workspace {
  readonly folder = mkdtempSync(join(tmpdir(), "bpfkit-test-"));

  /** The cache's folder. */
  readonly cache = sharedCache;

  /** Writes a file and gives its name back. */
  file(name: string, content: string | Uint8Array): string {
    writeFileSync(join(this.folder, name), content);
    return name;
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** Runs `bpfkit ARGS` here, its standard output to `output`. A run that takes a minute hangs and is killed. */
  run(
    args: readonly string[],
    environment: Readonly<Record<string, string>> = {},
    output: number | "pipe" = "pipe",
  ): CliResult {
    const { status, stdout, stderr, signal, error } = spawnSync(process.execPath, [cliProgram, ...args], {
      cwd: this.folder,
      encoding: "utf8",
      timeout: 60_000,
      killSignal: "SIGKILL",
      stdio: ["pipe", output, "pipe"],
      maxBuffer: 64 << 20,
      env: { ...baseEnvironment(), XDG_CACHE_HOME: sharedCache, ...environment },
    });
    if (error !== undefined) throw error;
    if (status === null) throw new Error(`bpfkit ${args.join(" ")} was ended by ${signal}\n${stderr}`);
    return { status, stdout: stdout ?? "", stderr };
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const sharedCache = mkdtempSync(join(tmpdir(), "bpfkit-test-cache-"));
process.on("exit", () => rmSync(sharedCache, { recursive: true, force: true }));

/** The environment without what would change the output or the module resolution of the program under test. */
function baseEnvironment(): NodeJS.ProcessEnv {
  const environment = { ...process.env };
  for (const name of ["NODE_OPTIONS", "DEBUG", "FORCE_COLOR", "NO_COLOR"]) delete environment[name];
  return environment;
}
