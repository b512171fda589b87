/** Guest tests of tcpconnect and tcplife: exactly counted connections on the loopback, over IPv4 and IPv6. */
import { strict as assert } from "node:assert";
import { execFileSync } from "node:child_process";
import { createSocket, type Socket as DatagramSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { toolByName } from "@bpfkit/tools";
import type { Tool } from "bpfkit";
import type { GuestCase } from "../guest-case.ts";
import { namespaceFilterCase } from "./namespace-filter.ts";

function toolNamed(name: string): Tool {
  const tool = toolByName(name);
  assert.ok(tool, name);
  return tool;
}

const tcpconnect = toolNamed("tcpconnect");
const tcplife = toolNamed("tcplife");

/** What a client sends and gets: no multiples of 1024, and less than a socket's buffer. */
const requestBytes = 5 * 1024 + 100;
const responseBytes = 9 * 1024 + 200;

/** A server that answers a whole request with a whole response. */
async function serve(address: string): Promise<Server> {
  execFileSync("/bin/ip", ["link", "set", "lo", "up"]);
  const server = createServer((socket) => {
    let received = 0;
    socket.on("data", (data) => {
      received += data.length;
      if (received === requestBytes) socket.write(Buffer.alloc(responseBytes));
    });
  });
  server.listen(0, address);
  await once(server, "listening");
  return server;
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

/** Makes one connection, with its data, and waits until both ends have closed. */
async function converse(server: Server, address: string): Promise<void> {
  const accepted = once(server, "connection");
  const client = connect(portOf(server), address);
  const [other] = await accepted;
  const closed = [once(client, "close"), once(other, "close")];
  let received = 0;
  client.on("data", (data) => {
    received += data.length;
    if (received === responseBytes) client.end();
  });
  client.write(Buffer.alloc(requestBytes));
  await Promise.all(closed);
}

async function refused(address: string, port: number): Promise<void> {
  const client = connect(port, address);
  await assert.rejects(once(client, "connect"), /ECONNREFUSED/);
}

/** A port on which nobody listens. */
async function closedPort(address: string): Promise<number> {
  const server = await serve(address);
  const port = portOf(server);
  server.close();
  await once(server, "close");
  return port;
}

/** The answer of a DNS server: the question repeated, and one address. */
function dnsAnswer(question: Uint8Array, address: readonly number[]): Buffer {
  const answer = Buffer.from(question);
  answer.set([0x81, 0x80], 2);
  answer.set([0, 1], 6);
  return Buffer.concat([answer, Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...address])]);
}

/** The question for the address of guest.example. */
const dnsQuestion = Buffer.from([
  0,
  7,
  1,
  0,
  0,
  1,
  0,
  0,
  0,
  0,
  0,
  0,
  5,
  ...Buffer.from("guest"),
  7,
  ...Buffer.from("example"),
  0,
  0,
  1,
  0,
  1,
]);

async function bound(port: number, address: string): Promise<DatagramSocket> {
  const socket = createSocket("udp4");
  socket.bind(port, address);
  await once(socket, "listening");
  return socket;
}

/** Asks a name server of its own for an address and gets the answer. */
async function lookUp(address: readonly number[]): Promise<void> {
  const server = await bound(53, "127.0.0.1");
  const client = await bound(0, "127.0.0.1");
  server.on("message", (question, { port }) => server.send(dnsAnswer(question, address), port, "127.0.0.1"));
  const answered = once(client, "message");
  client.send(dnsQuestion, 53, "127.0.0.1");
  await answered;
  server.close();
  client.close();
}

/** Tools that watch connections. */
export const networkToolCases: readonly GuestCase[] = [
  {
    name: "tcpconnect: 11 connections over IPv4, 7 over IPv6 and a refused one",
    tool: { tool: tcpconnect, argv: ["-L", "-U"] },
    async run(guest) {
      const [four, six] = [await serve("127.0.0.1"), await serve("::1")];
      const nobody = await closedPort("127.0.0.1");
      const lines = await guest.trace(tcpconnect, ["-L", "-U"], async () => {
        for (let times = 0; times < 11; times++) await converse(four, "127.0.0.1");
        for (let times = 0; times < 7; times++) await converse(six, "::1");
        await refused("127.0.0.1", nobody);
      });
      const text = lines.join("\n");
      assert.match(lines[1] ?? "", /^UID +PID +COMM +IP SADDR +LPORT +DADDR +DPORT +$/);
      const rows = lines.slice(2).map((line) => line.trim().split(/ +/));
      const mine = rows.filter(
        ([uid, pid, comm]) => uid === "0" && pid === `${process.pid}` && comm === "node",
      );
      const to = (version: string, address: string, port: number) =>
        mine.filter(
          ([, , , ip, source, local, target, remote]) =>
            ip === version &&
            source === address &&
            target === address &&
            Number(local) > 1024 &&
            remote === `${port}`,
        ).length;
      assert.equal(to("4", "127.0.0.1", portOf(four)), 11, text);
      assert.equal(to("6", "::1", portOf(six)), 7, text);
      assert.equal(to("4", "127.0.0.1", nobody), 1, text);
      assert.equal(rows.length, 19, text);
      four.close();
      six.close();
    },
  },
  {
    name: "tcpconnect -c: counts by address and port",
    tool: { tool: tcpconnect, argv: ["-c"] },
    async run(guest) {
      const [four, six] = [await serve("127.0.0.1"), await serve("::1")];
      const lines = await guest.trace(tcpconnect, ["-c"], async () => {
        for (let times = 0; times < 5; times++) await converse(four, "127.0.0.1");
        for (let times = 0; times < 3; times++) await converse(six, "::1");
      });
      assert.deepEqual(
        lines.slice(3).map((line) => line.trim().split(/ +/)),
        [
          ["127.0.0.1", "127.0.0.1", `${portOf(four)}`, "5"],
          ["::1", "::1", `${portOf(six)}`, "3"],
        ],
        lines.join("\n"),
      );
      four.close();
      six.close();
    },
  },
  {
    name: "tcpconnect -d: the name that was looked up",
    tool: { tool: tcpconnect, argv: ["-d"] },
    async run(guest) {
      const server = await serve("127.0.0.9");
      const lines = await guest.trace(tcpconnect, ["-d"], async () => {
        await lookUp([127, 0, 0, 9]);
        await converse(server, "127.0.0.9");
      });
      assert.equal(lines.length, 3, lines.join("\n"));
      assert.match(lines[2] ?? "", / 127\.0\.0\.9 +\d+ +guest\.example( \(\d+\.\d{3}ms\))?$/);
      server.close();
    },
  },
  namespaceFilterCase(tcpconnect, async () => {
    const server = await serve("127.0.0.1");
    return {
      count: 3,
      line: (line) => line.includes(` ${portOf(server)}`),
      work: async () => {
        for (let times = 0; times < 3; times++) await converse(server, "127.0.0.1");
      },
      close: () => server.close(),
    };
  }),
  {
    name: "tcplife: both ends of 11 sessions with their bytes",
    tool: { tool: tcplife, argv: ["-4"] },
    async run(guest) {
      const [server, other] = [await serve("127.0.0.1"), await serve("::1")];
      const lines = await guest.trace(tcplife, ["-4"], async () => {
        for (let times = 0; times < 11; times++) await converse(server, "127.0.0.1");
        await converse(other, "::1");
      });
      const text = lines.join("\n");
      const rows = lines.slice(1).map((line) => line.split(/ +/));
      assert.equal(rows.length, 22, text);
      const port = `${portOf(server)}`;
      for (const [pid, comm, local, localPort, remote, remotePort, sent, received, ms] of rows) {
        assert.deepEqual(
          [pid, comm, local, remote],
          [`${process.pid}`, "node", "127.0.0.1", "127.0.0.1"],
          text,
        );
        const isClient = remotePort === port;
        assert.ok(isClient || localPort === port, text);
        assert.deepEqual([sent, received], isClient ? ["5", "9"] : ["9", "5"], text);
        assert.ok(Number(ms) > 0 && Number(ms) < 20_000, text);
      }
      assert.equal(rows.filter((row) => row[3] === port).length, 11, text);
      server.close();
      other.close();
    },
  },
  {
    name: "tcplife -6 -s: sessions over IPv6, separated by commas",
    tool: { tool: tcplife, argv: ["-6", "-s"] },
    async run(guest) {
      const server = await serve("::1");
      const lines = await guest.trace(tcplife, ["-6", "-s"], async () => {
        for (let times = 0; times < 3; times++) await converse(server, "::1");
      });
      assert.equal(lines.length, 7, lines.join("\n"));
      for (const line of lines.slice(1)) {
        assert.match(line, /^\d+,node,6,::1,\d+,::1,\d+,(5,9|9,5),\d+\.\d\d$/);
      }
      server.close();
    },
  },
];
