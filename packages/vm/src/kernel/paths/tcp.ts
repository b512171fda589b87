/** TCP connections: connect(2), accept4(2), data, close(2), and the packets that change a socket's state in between. */
import type { Cpu } from "../cpu.ts";
import { ipBytes, mappedIpv6 } from "../objects/ip-address.ts";
import type { Task } from "../objects/task.ts";
import { AddressFamily, type TcpSocket, TcpState, type TcpStateName } from "../objects/tcp-socket.ts";
import { once } from "../once.ts";
import type { Activity } from "../scheduler.ts";
import type { Simulation } from "../simulation.ts";
import type { RecordValues } from "../tracepoints.ts";
import { systemCall } from "./system-call.ts";

const Errno = { ENETUNREACH: 101, ECONNREFUSED: 111 } as const;

/** Descriptor that workloads have their socket on. */
const SocketFd = 5n;
/** Sizes of `struct sockaddr_in` and `sockaddr_in6`. */
const SockaddrSize = { 4: 16, 6: 28 } as const;

/** Times in the kernel, ns. */
export const TcpTimes = {
  /** From the entry of connect(2) to the SYN, and from there to the return of tcp_v*_connect. */
  route: 5_000,
  send: 1_000,
  /** On the loopback: until the handshake is over. */
  handshake: 6_000,
  accept: 3_000,
  transfer: 8_000,
  close: 2_000,
} as const;

/** Time until a closed socket's struct is freed, ns. */
const GraceNs = 1_000_000;

/** What stands above the functions of TCP when a packet has arrived. */
const ReceiveFrames = ["__do_softirq", "net_rx_action", "__napi_poll", "process_backlog", "ip_rcv"];

/** How a connection attempt ends. */
export type ConnectOutcome =
  | { readonly kind: "remote"; readonly roundTripNs: number }
  | { readonly kind: "refused"; readonly roundTripNs: number }
  | { readonly kind: "unreachable" }
  /** The other end is on this machine. */
  | { readonly kind: "loopback"; readonly server: TcpSocket };

/** A socket gets another state. */
function changeState(simulation: Simulation, socket: TcpSocket, state: TcpStateName): void {
  const { tracer } = simulation;
  const old = socket.state;
  tracer.call(
    "tcp_set_state",
    () => [socket.address, BigInt(TcpState[state])],
    () => {
      tracer.tracepoint(
        "sock/inet_sock_set_state",
        () => stateRecord(socket, old, state),
        () => [socket.address, BigInt(TcpState[old]), BigInt(TcpState[state])],
      );
      socket.state = state;
      return 0;
    },
  );
  const { queue, clock } = simulation.world;
  if (state === "close") queue.schedule(clock.nowNs + GraceNs, () => socket.release());
}

function stateRecord(socket: TcpSocket, old: TcpStateName, state: TcpStateName): RecordValues {
  const { version, localAddress, remoteAddress, remotePort } = socket.endpoints;
  const [local, remote] = [ipBytes(localAddress), ipBytes(remoteAddress)];
  return {
    skaddr: socket.address,
    oldstate: TcpState[old],
    newstate: TcpState[state],
    sport: socket.localPort,
    dport: remotePort,
    family: AddressFamily[version],
    protocol: 6,
    ...(version === 4
      ? { saddr: local, daddr: remote, saddr_v6: mappedIpv6(local), daddr_v6: mappedIpv6(remote) }
      : { saddr_v6: local, daddr_v6: remote }),
  };
}

/** Packets have arrived at a socket: what they cause happens in an interrupt. */
function receivePackets(simulation: Simulation, cpu: Cpu, socket: TcpSocket, body: () => void): void {
  const { tracer } = simulation;
  const { version } = socket.endpoints;
  tracer.interrupt(cpu, ReceiveFrames, () => {
    tracer.enter(`tcp_v${version}_rcv`);
    tracer.enter(`tcp_v${version}_do_rcv`, () => [socket.address]);
    tracer.enter("tcp_rcv_state_process", () => [socket.address]);
    body();
    for (let left = 3; left > 0; left--) tracer.leave();
  });
}

/** The address that connect(2) is given, in user memory. */
function userAddress(task: Task, socket: TcpSocket): bigint {
  const { version, remoteAddress, remotePort } = socket.endpoints;
  const bytes = new Uint8Array(SockaddrSize[version]);
  bytes[0] = AddressFamily[version];
  bytes.set([remotePort >> 8, remotePort & 0xff], 2);
  bytes.set(ipBytes(remoteAddress), version === 4 ? 4 : 8);
  return task.image?.bytes(bytes) ?? 0n;
}

/** Connects; the result is 0 or -errno. */
export function connectTcp(
  simulation: Simulation,
  task: Task,
  socket: TcpSocket,
  outcome: ConnectOutcome,
): Activity<bigint> {
  const { version } = socket.endpoints;
  const address = once(() => userAddress(task, socket));
  const size = BigInt(SockaddrSize[version]);
  return systemCall(
    simulation,
    task,
    "connect",
    () => [SocketFd, address(), size],
    function* () {
      const { tracer } = simulation;
      const outer = ["__sys_connect", "inet_stream_connect", "__inet_stream_connect"];
      for (const name of outer) tracer.enter(name, () => [SocketFd, address(), size]);
      tracer.enter(`tcp_v${version}_connect`, () => [socket.address, address(), size]);
      yield { kind: "run", ns: TcpTimes.route };
      let result = outcome.kind === "unreachable" ? BigInt(-Errno.ENETUNREACH) : 0n;
      if (outcome.kind !== "unreachable") {
        changeState(simulation, socket, "synSent");
        socket.bind();
        tracer.call("tcp_connect", () => [socket.address]);
        yield { kind: "run", ns: TcpTimes.send };
      }
      tracer.leave(result);
      if (outcome.kind === "loopback") {
        yield { kind: "run", ns: TcpTimes.handshake };
        establishHere(simulation, socket, outcome.server);
      } else if (outcome.kind !== "unreachable") {
        yield* waitForAnswer(simulation, task, socket, outcome);
        if (outcome.kind === "refused") result = BigInt(-Errno.ECONNREFUSED);
      }
      for (const _name of outer) tracer.leave(result);
      return result;
    },
  );
}

/** The handshake of two sockets of this machine: in the context of the one that connects. */
function establishHere(simulation: Simulation, client: TcpSocket, server: TcpSocket): void {
  const { cpu } = simulation.world;
  receivePackets(simulation, cpu, client, () => {
    simulation.tracer.call("tcp_finish_connect", () => [client.address]);
    changeState(simulation, client, "established");
  });
  acceptPackets(simulation, cpu, server);
}

/** The listening socket's child is made and established. */
function acceptPackets(simulation: Simulation, cpu: Cpu, server: TcpSocket): void {
  receivePackets(simulation, cpu, server, () => {
    changeState(simulation, server, "synReceived");
    changeState(simulation, server, "established");
  });
}

/** A connection from another machine comes in now. */
export function connectionComesIn(simulation: Simulation, task: Task, server: TcpSocket): void {
  acceptPackets(simulation, simulation.world.cpus[task.cpu] ?? simulation.world.cpu, server);
}

function* waitForAnswer(
  simulation: Simulation,
  task: Task,
  socket: TcpSocket,
  outcome: { readonly kind: "remote" | "refused"; readonly roundTripNs: number },
): Activity {
  const { world, tracer } = simulation;
  yield {
    kind: "wait",
    state: "sleeping",
    arm: (wake) => {
      const cpu = world.cpus[task.cpu] ?? world.cpu;
      world.queue.schedule(world.clock.nowNs + outcome.roundTripNs, () => {
        receivePackets(simulation, cpu, socket, () => {
          if (outcome.kind === "refused") {
            tracer.call("tcp_reset", () => [socket.address]);
            changeState(simulation, socket, "close");
          } else {
            tracer.call("tcp_finish_connect", () => [socket.address]);
            changeState(simulation, socket, "established");
          }
          wake();
        });
      });
    },
  };
}

/** Takes a connection that is waiting. */
export function acceptTcp(simulation: Simulation, task: Task, socket: TcpSocket): Activity<bigint> {
  const { tracer, world } = simulation;
  return systemCall(
    simulation,
    task,
    "accept4",
    () => [SocketFd - 1n, 0n, 0n, 0n],
    function* () {
      tracer.enter("__sys_accept4");
      tracer.enter("inet_csk_accept");
      yield { kind: "run", ns: TcpTimes.accept };
      const isWatched = world.probes.onFunction("inet_csk_accept") !== undefined;
      tracer.leave(isWatched ? socket.address : 0n);
      tracer.leave(SocketFd);
      return SocketFd;
    },
  );
}

const TransferFunctions = {
  sendto: { outer: ["__sys_sendto", "inet_sendmsg"], inner: "tcp_sendmsg" },
  recvfrom: { outer: ["__sys_recvfrom", "inet_recvmsg"], inner: "tcp_recvmsg" },
} as const;

/** Sends or receives data that does not have to be waited for. */
export function transferTcp(
  simulation: Simulation,
  task: Task,
  socket: TcpSocket,
  call: "sendto" | "recvfrom",
  bytes: number,
): Activity<bigint> {
  const { tracer } = simulation;
  const buffer = once(() => task.image?.bytes(new Uint8Array(64)) ?? 0n);
  return systemCall(
    simulation,
    task,
    call,
    () => [SocketFd, buffer(), BigInt(bytes), 0n, 0n, 0n],
    function* () {
      const { outer, inner } = TransferFunctions[call];
      for (const name of outer) tracer.enter(name);
      tracer.enter(inner, () => [socket.address, 0n, BigInt(bytes)]);
      yield { kind: "run", ns: TcpTimes.transfer };
      if (call === "sendto") {
        socket.sent(bytes);
      } else {
        socket.received(bytes);
        tracer.call("tcp_cleanup_rbuf", () => [socket.address, BigInt(bytes)]);
      }
      const result = BigInt(bytes);
      for (let left = outer.length + 1; left > 0; left--) tracer.leave(result);
      return result;
    },
  );
}

/** Who the other end of a connection that is closed is. */
export type Peer =
  | { readonly kind: "here"; readonly socket: TcpSocket }
  | { readonly kind: "remote"; readonly roundTripNs: number };

/**
 * Closes a connection. The first end to close ends when the second one does; the second one, once its packet has been
 * answered. On the loopback all that happens at once.
 */
export function closeTcp(
  simulation: Simulation,
  task: Task,
  socket: TcpSocket,
  peer: Peer,
): Activity<bigint> {
  const { tracer } = simulation;
  return systemCall(
    simulation,
    task,
    "close",
    () => [SocketFd],
    function* () {
      for (const name of ["__fput", "sock_close", "inet_release"]) tracer.enter(name);
      tracer.enter("tcp_close", () => [socket.address, 0n]);
      const isFirst = socket.state === "established";
      changeState(simulation, socket, isFirst ? "finWait1" : "lastAck");
      if (peer.kind === "here") answerHere(simulation, socket, peer.socket, isFirst);
      else answerLater(simulation, task, socket, peer.roundTripNs, isFirst);
      yield { kind: "run", ns: TcpTimes.close };
      for (let left = 4; left > 0; left--) tracer.leave();
      return 0n;
    },
  );
}

function answerHere(simulation: Simulation, socket: TcpSocket, other: TcpSocket, isFirst: boolean): void {
  const { cpu } = simulation.world;
  const change = (which: TcpSocket, state: TcpStateName) => {
    receivePackets(simulation, cpu, which, () => changeState(simulation, which, state));
  };
  if (isFirst) {
    change(other, "closeWait");
    change(socket, "finWait2");
  } else {
    change(other, "close");
    change(socket, "close");
  }
}

/** The other machine closes its end as soon as it hears of it. */
function answerLater(
  simulation: Simulation,
  task: Task,
  socket: TcpSocket,
  roundTripNs: number,
  isFirst: boolean,
): void {
  const { world } = simulation;
  const cpu = world.cpus[task.cpu] ?? world.cpu;
  world.queue.schedule(world.clock.nowNs + roundTripNs, () => {
    receivePackets(simulation, cpu, socket, () => {
      if (isFirst) changeState(simulation, socket, "finWait2");
      changeState(simulation, socket, "close");
    });
  });
}

/** The other machine closes first: its packet arrives now. */
export function remoteCloses(simulation: Simulation, task: Task, socket: TcpSocket): void {
  const cpu = simulation.world.cpus[task.cpu] ?? simulation.world.cpu;
  receivePackets(simulation, cpu, socket, () => changeState(simulation, socket, "closeWait"));
}
