/** Scenario tcp: connections on the loopback, to and from other machines, refused and without a route. */
import type { Task } from "../objects/task.ts";
import type { TcpSocket } from "../objects/tcp-socket.ts";
import { type DnsLookup, DnsSendNs, lookUpName } from "../paths/dns.ts";
import {
  acceptTcp,
  type ConnectOutcome,
  closeTcp,
  connectionComesIn,
  connectTcp,
  remoteCloses,
  TcpTimes,
  transferTcp,
} from "../paths/tcp.ts";
import type { Activity } from "../scheduler.ts";
import type { Simulation } from "../simulation.ts";
import type { ConnectionEnds } from "./ground-truth.ts";
import { FixedPid, fixedTask, UserId } from "./machine.ts";
import { PlanBuilder } from "./plan-builder.ts";
import type { Scenario } from "./scenario.ts";

const DurationNs = 5_000_000_000;
/** Connections are made between these times. */
const FirstNs = 40_000_000;
const LastNs = 4_850_000_000;

/** A process of the scenario, one of the machine's own or a new one. */
interface Party {
  readonly comm: keyof typeof FixedPid | "ab" | "curl" | "apache2" | "python3" | "wget" | "nc" | "ssh";
  readonly uid: number;
}

/** Connections of one kind, one after the other. */
interface Kind {
  readonly client?: Party;
  readonly server?: Party;
  readonly version: 4 | 6;
  readonly localAddress: string;
  /** Addresses to choose from; of a connection that comes in, those of the client. */
  readonly remoteAddresses: readonly string[];
  /** The server's port. */
  readonly port: number;
  /** Prime numbers, so that no wrong count looks right by accident. */
  readonly count: number;
  /** Least and most bytes that the client sends and receives. */
  readonly request: readonly [number, number];
  readonly response: readonly [number, number];
  /** For how long it is open, us. */
  readonly openUs: readonly [number, number];
  readonly outcome: "loopback" | "remote" | "refused" | "unreachable" | "incoming";
}

/** Names that are looked up before connecting; other machines are known by their addresses. */
const Names: Readonly<Record<string, string>> = {
  "198.51.100.7": "www.example.com",
  "198.51.100.23": "cdn.example.net",
  "2001:db8:0:7::1": "www.example.com",
  "2001:db8:0:9::2:1": "mirror.example.org",
};

const User = (comm: Party["comm"]): Party => ({ comm, uid: UserId.user });

const Kinds: readonly Kind[] = [
  {
    client: User("ab"),
    server: { comm: "nginx", uid: UserId.wwwData },
    version: 4,
    localAddress: "127.0.0.1",
    remoteAddresses: ["127.0.0.1"],
    port: 80,
    count: 43,
    request: [90, 400],
    response: [3000, 60_000],
    openUs: [900, 9000],
    outcome: "loopback",
  },
  {
    client: User("curl"),
    server: { comm: "apache2", uid: UserId.wwwData },
    version: 6,
    localAddress: "::1",
    remoteAddresses: ["::1"],
    port: 8080,
    count: 19,
    request: [90, 200],
    response: [200_000, 9_000_000],
    openUs: [20_000, 90_000],
    outcome: "loopback",
  },
  {
    client: User("python3"),
    server: { comm: "postgres", uid: UserId.postgres },
    version: 4,
    localAddress: "127.0.0.1",
    remoteAddresses: ["127.0.0.1"],
    port: 5432,
    count: 13,
    request: [5000, 90_000],
    response: [9000, 400_000],
    openUs: [50_000, 200_000],
    outcome: "loopback",
  },
  {
    client: User("wget"),
    version: 4,
    localAddress: "192.0.2.10",
    remoteAddresses: ["198.51.100.7", "198.51.100.23", "203.0.113.200"],
    port: 443,
    count: 23,
    request: [300, 900],
    response: [100_000, 3_000_000],
    openUs: [40_000, 120_000],
    outcome: "remote",
  },
  {
    client: User("wget"),
    version: 6,
    localAddress: "2001:db8::10",
    remoteAddresses: ["2001:db8:0:7::1", "2001:db8:0:9::2:1"],
    port: 443,
    count: 17,
    request: [300, 900],
    response: [10_000, 300_000],
    openUs: [40_000, 120_000],
    outcome: "remote",
  },
  {
    client: User("nc"),
    version: 4,
    localAddress: "192.0.2.10",
    remoteAddresses: ["203.0.113.9"],
    port: 81,
    count: 7,
    request: [0, 0],
    response: [0, 0],
    openUs: [0, 0],
    outcome: "refused",
  },
  {
    client: User("ssh"),
    version: 6,
    localAddress: "2001:db8::10",
    remoteAddresses: ["2001:db8:dead::1"],
    port: 22,
    count: 5,
    request: [0, 0],
    response: [0, 0],
    openUs: [0, 0],
    outcome: "unreachable",
  },
  {
    server: { comm: "sshd", uid: UserId.root },
    version: 4,
    localAddress: "192.0.2.10",
    remoteAddresses: ["198.51.100.41", "198.51.100.42"],
    port: 22,
    count: 11,
    request: [2000, 9000],
    response: [3000, 50_000],
    openUs: [100_000, 300_000],
    outcome: "incoming",
  },
];

/** One connection with its numbers drawn. Times in ns since the start. */
interface Connection {
  readonly kind: Kind;
  readonly remoteAddress: string;
  readonly clientPort: number;
  readonly roundTripNs: number;
  /** The client calls connect(2), or its first packet comes in. */
  readonly connectNs: number;
  readonly request: number;
  readonly response: number;
  /** The client closes; the server does so a little later. Absent for a connection that stays open. */
  readonly closeNs: number | undefined;
  readonly serverCloseNs: number;
  /** When the client asks for the address, and what. */
  readonly lookup: (DnsLookup & { readonly timeNs: number }) | undefined;
}

/** From the connection to the server's accept, the request, the response, and the server's close after the client's. */
const After = {
  accept: 150_000,
  request: 200_000,
  serve: 260_000,
  respond: 320_000,
  close: 150_000,
} as const;

function planConnections(plan: PlanBuilder, kind: Kind): Connection[] {
  const { random } = plan;
  const slotNs = Math.floor((LastNs - FirstNs) / kind.count);
  let freeNs = FirstNs / 2;
  return Array.from({ length: kind.count }, (_, index) => {
    const roundTripNs = random.between(2_000_000, 19_000_000);
    const connectNs = FirstNs + index * slotNs + random.between(0, Math.floor(slotNs / 8));
    const openNs = random.between(kind.openUs[0] * 1000, kind.openUs[1] * 1000);
    const closeNs = connectNs + 20_000_000 + Math.min(openNs, Math.floor(slotNs / 2));
    // The last one to another machine stays open.
    const staysOpen = kind.outcome === "remote" && index === kind.count - 1;
    const remoteAddress = random.pick(kind.remoteAddresses);
    const name = Names[remoteAddress];
    const lookup =
      name === undefined
        ? undefined
        : { timeNs: freeNs, name, addresses: [remoteAddress], roundTripNs: random.between(1, 8) * 1_000_000 };
    freeNs = closeNs + 1_000_000;
    return {
      kind,
      lookup,
      remoteAddress,
      clientPort: 32_768 + 2 * random.between(0, 14_000),
      roundTripNs,
      connectNs,
      request: random.between(...kind.request),
      response: random.between(...kind.response),
      closeNs: staysOpen ? undefined : closeNs,
      serverCloseNs: closeNs + After.close,
    };
  });
}

type Who = Pick<ConnectionEnds, "pid" | "uid" | "comm">;

/** States what a connection does, as each of its ends on this machine sees it. */
function state(
  plan: PlanBuilder,
  connection: Connection,
  client: Who | undefined,
  server: Who | undefined,
): void {
  const { kind, connectNs, closeNs, serverCloseNs, roundTripNs, request, response } = connection;
  const { outcome } = kind;
  if (outcome === "unreachable") return;
  const { truth } = plan;
  const ends = clientEnds(connection);
  const synNs = connectNs + TcpTimes.route;
  const sentNs = synNs + TcpTimes.send;
  const refused = outcome === "refused";
  const { lookup } = connection;
  if (client !== undefined && lookup !== undefined) {
    const { name, addresses } = lookup;
    const timeNs = lookup.timeNs + DnsSendNs + lookup.roundTripNs;
    truth.dnsAnswers.push({ timeNs, pid: client.pid, name, addresses });
  }
  if (client !== undefined) truth.tcpConnects.push({ timeNs: sentNs, refused, ...client, ...ends });
  const establishedNs =
    outcome === "loopback"
      ? sentNs + TcpTimes.handshake
      : outcome === "incoming"
        ? connectNs
        : sentNs + roundTripNs;
  const end = (timeNs: number, sinceNs: number) => ({ timeNs, lifeNs: timeNs - sinceNs });
  if (client !== undefined && refused) {
    const sizes = { sentBytes: 0, receivedBytes: 0 };
    truth.tcpSessions.push({ ...client, ...ends, ...sizes, ...end(establishedNs, synNs) });
  } else if (client !== undefined && closeNs !== undefined) {
    const closedNs = outcome === "loopback" ? serverCloseNs : closeNs + roundTripNs;
    const sizes = { sentBytes: request, receivedBytes: response };
    truth.tcpSessions.push({ ...client, ...ends, ...sizes, ...end(closedNs, establishedNs) });
  }
  if (server !== undefined) {
    const closedNs = outcome === "incoming" ? serverCloseNs + roundTripNs : serverCloseNs;
    const sizes = { sentBytes: response, receivedBytes: request };
    truth.tcpSessions.push({
      ...server,
      ...serverEnds(connection),
      ...sizes,
      ...end(closedNs, establishedNs),
    });
  }
}

function clientEnds({ kind, remoteAddress, clientPort }: Connection) {
  const { version, localAddress, port } = kind;
  return { version, localAddress, localPort: clientPort, remoteAddress, remotePort: port };
}

function serverEnds({ kind, remoteAddress, clientPort }: Connection) {
  const { version, localAddress, port } = kind;
  return { version, localAddress, localPort: port, remoteAddress, remotePort: clientPort };
}

/** The sockets of a connection, made when it begins. */
interface Sockets {
  client?: TcpSocket;
  server?: TcpSocket;
}

function* playClient(
  simulation: Simulation,
  task: Task,
  connections: readonly [Connection, Sockets][],
): Activity {
  for (const [connection, sockets] of connections) {
    const { kind, connectNs, roundTripNs, closeNs, lookup } = connection;
    if (lookup !== undefined) {
      yield* simulation.sleepUntil(lookup.timeNs);
      yield* lookUpName(simulation, task, lookup);
    }
    yield* simulation.sleepUntil(connectNs);
    const socket = simulation.world.createSocket(clientEnds(connection), "close");
    let outcome: ConnectOutcome;
    if (kind.outcome === "loopback") {
      sockets.client = socket;
      sockets.server = simulation.world.createSocket(serverEnds(connection), "listen");
      outcome = { kind: "loopback", server: sockets.server };
    } else if (kind.outcome === "unreachable") {
      outcome = { kind: "unreachable" };
    } else {
      outcome = { kind: kind.outcome === "refused" ? "refused" : "remote", roundTripNs };
    }
    const result = yield* connectTcp(simulation, task, socket, outcome);
    if (result !== 0n) continue;
    const isRemote = kind.outcome === "remote";
    const base = isRemote ? connectNs + roundTripNs : connectNs;
    yield* simulation.sleepUntil(base + After.request);
    yield* transferTcp(simulation, task, socket, "sendto", connection.request);
    yield* simulation.sleepUntil(base + After.respond);
    yield* transferTcp(simulation, task, socket, "recvfrom", connection.response);
    if (closeNs === undefined) continue;
    yield* simulation.sleepUntil(closeNs);
    const { server } = sockets;
    const peer =
      server === undefined
        ? ({ kind: "remote", roundTripNs } as const)
        : ({ kind: "here", socket: server } as const);
    yield* closeTcp(simulation, task, socket, peer);
  }
}

function* playServer(
  simulation: Simulation,
  task: Task,
  connections: readonly [Connection, Sockets][],
): Activity {
  for (const [connection, sockets] of connections) {
    const { connectNs, roundTripNs, serverCloseNs } = connection;
    yield* simulation.sleepUntil(connectNs + After.accept);
    const { client, server } = sockets;
    if (server === undefined) continue;
    yield* acceptTcp(simulation, task, server);
    yield* simulation.sleepUntil(connectNs + After.request + TcpTimes.transfer);
    yield* transferTcp(simulation, task, server, "recvfrom", connection.request);
    yield* simulation.sleepUntil(connectNs + After.serve);
    yield* transferTcp(simulation, task, server, "sendto", connection.response);
    yield* simulation.sleepUntil(serverCloseNs);
    const peer =
      client === undefined
        ? ({ kind: "remote", roundTripNs } as const)
        : ({ kind: "here", socket: client } as const);
    yield* closeTcp(simulation, task, server, peer);
  }
}

/** Another machine's side of connections that come in. */
function comeIn(simulation: Simulation, task: Task, connection: Connection, sockets: Sockets): void {
  const { world, startNs } = simulation;
  world.queue.schedule(startNs + connection.connectNs, () => {
    const server = world.createSocket(serverEnds(connection), "listen");
    sockets.server = server;
    connectionComesIn(simulation, task, server);
    if (connection.closeNs === undefined) return;
    world.queue.schedule(startNs + connection.closeNs, () => remoteCloses(simulation, task, server));
  });
}

/** The process ids of a party: the machine's own, or a new one for each kind. */
function identify(plan: PlanBuilder, party: Party | undefined): Who | undefined {
  if (party === undefined) return undefined;
  const { comm, uid } = party;
  const pid = comm in FixedPid ? FixedPid[comm as keyof typeof FixedPid] : plan.takePid();
  return { pid, uid, comm };
}

function taskOf(simulation: Simulation, who: Who): Task {
  if (who.comm in FixedPid) return fixedTask(simulation, who.comm as keyof typeof FixedPid);
  return simulation.world.createTask({ ...who, parent: fixedTask(simulation, "bash") });
}

/** Adds the workload to a plan. */
export function addTcp(plan: PlanBuilder): void {
  for (const kind of Kinds) {
    const [client, server] = [identify(plan, kind.client), identify(plan, kind.server)];
    const connections = planConnections(plan, kind).map((one): [Connection, Sockets] => [one, {}]);
    for (const [connection] of connections) state(plan, connection, client, server);
    plan.atStart((simulation) => {
      const startNs = simulation.startNs + FirstNs / 4;
      if (server !== undefined) {
        const task = taskOf(simulation, server);
        if (kind.outcome === "incoming") {
          for (const [connection, sockets] of connections) comeIn(simulation, task, connection, sockets);
        }
        simulation.scheduler.startAt(startNs, task, playServer(simulation, task, connections));
      }
      if (client !== undefined) {
        const task = taskOf(simulation, client);
        simulation.scheduler.startAt(startNs, task, playClient(simulation, task, connections));
      }
    });
  }
}

/** The scenario. */
export const tcp: Scenario = {
  name: "tcp",
  description:
    "Five seconds of TCP connections over IPv4 and IPv6, to, from and on this machine; some are refused.",
  plan(seed) {
    const plan = new PlanBuilder(seed, DurationNs);
    addTcp(plan);
    return plan.build();
  },
};
