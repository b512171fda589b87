/** What a scenario does, stated before it runs, so that a tool's output can be checked to the last count. */
import type { RequestFlagName, RequestOperation } from "../objects/block-structs.ts";
import type { OpenCallName } from "../paths/open.ts";
import type { SystemCallName } from "../system-call-numbers.ts";

/** One block I/O. Times in ns; `timeNs` counts from the scenario's start to its queueing. */
export interface BlockIo {
  readonly timeNs: number;
  readonly pid: number;
  readonly comm: string;
  readonly disk: string;
  readonly operation: keyof typeof RequestOperation;
  readonly flags: readonly RequestFlagName[];
  /** `request.cmd_flags`: operation and flags as the kernel's number. */
  readonly commandFlags: number;
  readonly sector: number;
  readonly bytes: number;
  /** From queueing to the driver. */
  readonly queuedNs: number;
  /** From the driver to completion. */
  readonly serviceNs: number;
}

/** One execve(2). `comm` is the caller's name before the call. */
export interface ExecCall {
  readonly timeNs: number;
  readonly pid: number;
  readonly ppid: number;
  readonly uid: number;
  readonly comm: string;
  readonly path: string;
  readonly argv: readonly string[];
  /** 0 or -errno. */
  readonly ret: number;
}

/** One call of open, openat, openat2 or creat. */
export interface OpenCall {
  readonly timeNs: number;
  readonly pid: number;
  readonly uid: number;
  readonly comm: string;
  readonly call: OpenCallName;
  readonly path: string;
  /** As passed; 0 for creat, which takes none. */
  readonly flags: number;
  readonly mode: number;
  /** The new descriptor or -errno. */
  readonly ret: number;
}

/** One read(2) or write(2) of an open file, answered by the page cache. */
export interface FileTransferCall {
  readonly timeNs: number;
  readonly durationNs: number;
  readonly pid: number;
  readonly comm: string;
  readonly call: "read" | "write";
  readonly path: string;
  readonly count: number;
  readonly ret: number;
}

/** One fork. */
export interface ForkCall {
  readonly timeNs: number;
  readonly parent: number;
  readonly child: number;
  /** The parent's name, which the child starts with. */
  readonly comm: string;
}

/** One exit. `timeNs` is when exit_group(2) is called. */
export interface ProcessExit {
  readonly timeNs: number;
  readonly pid: number;
  readonly comm: string;
  /** As passed to exit(3). */
  readonly status: number;
}

/** One system call that returns, of the scenario system-calls. Times in ns. */
export interface PlainSystemCall {
  readonly timeNs: number;
  /** From its entry to its exit. */
  readonly durationNs: number;
  readonly pid: number;
  readonly ppid: number;
  readonly comm: string;
  readonly call: SystemCallName;
  readonly ret: number;
}

/** One wait for a CPU, of the scenario run-queue. */
export interface RunQueueWait {
  /** When it began. */
  readonly timeNs: number;
  readonly waitNs: number;
  readonly pid: number;
  readonly comm: string;
  readonly cpu: number;
  /** Why: it woke up, it was made by fork(2), or another task took its CPU. */
  readonly reason: "woken" | "new" | "preempted";
}

/** The ends of a connection, seen from one of them. */
export interface ConnectionEnds {
  readonly pid: number;
  readonly uid: number;
  readonly comm: string;
  readonly version: 4 | 6;
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
}

/** One call of connect(2) whose packet was sent. `timeNs` is when that was. */
export interface TcpConnect extends ConnectionEnds {
  readonly timeNs: number;
  /** The other side refused it. */
  readonly refused: boolean;
}

/** The answer of a DNS server; `timeNs` is when the process reads it. */
export interface DnsAnswerRead {
  readonly timeNs: number;
  readonly pid: number;
  readonly name: string;
  readonly addresses: readonly string[];
}

/** One end of a TCP connection from the handshake (or, for one that was refused, from its first packet) to its end. */
export interface TcpSession extends ConnectionEnds {
  /** When it ended. */
  readonly timeNs: number;
  readonly lifeNs: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

/** A stretch of time in which a task runs on a CPU with these functions on its stacks, outermost first. */
export interface CpuPhase {
  readonly timeNs: number;
  readonly endNs: number;
  readonly pid: number;
  readonly comm: string;
  readonly cpu: number;
  readonly user: readonly string[];
  readonly kernel: readonly string[];
}

/** Everything that happens in a scenario. Lists are in order of time. */
export interface GroundTruth {
  readonly blockIo: readonly BlockIo[];
  readonly execs: readonly ExecCall[];
  readonly opens: readonly OpenCall[];
  readonly transfers: readonly FileTransferCall[];
  readonly forks: readonly ForkCall[];
  readonly exits: readonly ProcessExit[];
  readonly systemCalls: readonly PlainSystemCall[];
  readonly runQueueWaits: readonly RunQueueWait[];
  readonly tcpConnects: readonly TcpConnect[];
  readonly tcpSessions: readonly TcpSession[];
  readonly dnsAnswers: readonly DnsAnswerRead[];
  readonly cpuPhases: readonly CpuPhase[];
}

/** Collects ground truth while a scenario is planned. */
export class GroundTruthBuilder {
  readonly blockIo: BlockIo[] = [];
  readonly execs: ExecCall[] = [];
  readonly opens: OpenCall[] = [];
  readonly transfers: FileTransferCall[] = [];
  readonly forks: ForkCall[] = [];
  readonly exits: ProcessExit[] = [];
  readonly systemCalls: PlainSystemCall[] = [];
  readonly runQueueWaits: RunQueueWait[] = [];
  readonly tcpConnects: TcpConnect[] = [];
  readonly tcpSessions: TcpSession[] = [];
  readonly dnsAnswers: DnsAnswerRead[] = [];
  readonly cpuPhases: CpuPhase[] = [];

  build(): GroundTruth {
    const inOrder = <T extends { readonly timeNs: number }>(list: readonly T[]): readonly T[] =>
      list.toSorted((a, b) => a.timeNs - b.timeNs);
    return {
      blockIo: inOrder(this.blockIo),
      execs: inOrder(this.execs),
      opens: inOrder(this.opens),
      transfers: inOrder(this.transfers),
      forks: inOrder(this.forks),
      exits: inOrder(this.exits),
      systemCalls: inOrder(this.systemCalls),
      runQueueWaits: inOrder(this.runQueueWaits),
      tcpConnects: inOrder(this.tcpConnects),
      tcpSessions: inOrder(this.tcpSessions),
      dnsAnswers: inOrder(this.dnsAnswers),
      cpuPhases: inOrder(this.cpuPhases),
    };
  }
}
