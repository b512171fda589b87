/** tcplife against the tcp workload's ground truth, session by session, to the byte and microsecond. */
import { toolByName } from "@bpfkit/tools";
import type { TcpSession } from "@bpfkit/vm/kernel";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { requireTool } from "../support/native-tools.ts";
import { ToolRunner } from "../support/tool-run.ts";

const tool = toolByName("tcplife");
if (tool === undefined) throw new Error("tcplife is not registered");
const runner = new ToolRunner();
const clang = requireTool("clang-19");
const test = suite("tcplife");
test.after(() => runner.close());

/** Times of one session at once can end in any order. */
const inOrder = (lines: readonly string[]) => [...lines].sort();

const kilobytes = (bytes: number) => String(Math.floor(bytes / 1024));
const milliseconds = ({ lifeNs }: TcpSession) => (Math.floor(lifeNs / 1000) / 1000).toFixed(2);

function line(session: TcpSession, wide = false): string {
  const { pid, comm, version, localAddress, localPort, remoteAddress, remotePort } = session;
  const { sentBytes, receivedBytes } = session;
  const [commWidth, width, sizeWidth] = wide ? [16, 26, 6] : [10, 15, 5];
  return [
    String(pid).padEnd(5),
    comm.slice(0, commWidth).padEnd(commWidth),
    ...(wide ? [String(version).padEnd(2)] : []),
    localAddress.padEnd(width),
    String(localPort).padEnd(5),
    remoteAddress.padEnd(width),
    String(remotePort).padEnd(5),
    kilobytes(sentBytes).padStart(sizeWidth),
    kilobytes(receivedBytes).padStart(sizeWidth),
    milliseconds(session),
  ].join(" ");
}

const header = "PID   COMM       LADDR           LPORT RADDR           RPORT TX_KB RX_KB MS";

test("prints every session that ended, with what was sent and received", async () => {
  const { lines, truth, status } = await runner.run(tool, { argv: [] });
  assert.is(status, 0);
  assert.is(lines[0], header);
  // Both ends of those on the loopback; two to other machines are still open.
  assert.is(truth.tcpSessions.length, 2 * (43 + 19 + 13) + (23 - 1) + (17 - 1) + 7 + 11);
  const expected = truth.tcpSessions.map((session) => line(session));
  assert.equal(inOrder(lines.slice(1)), inOrder(expected));
});

test("-w has room for IPv6", async () => {
  const { lines, truth } = await runner.run(tool, { argv: ["-w"] });
  const title = `PID   COMM             IP ${"LADDR".padEnd(26)} LPORT ${"RADDR".padEnd(26)} RPORT  TX_KB  RX_KB MS`;
  assert.is(lines[0], title);
  assert.equal(inOrder(lines.slice(1)), inOrder(truth.tcpSessions.map((session) => line(session, true))));
});

test("-stT separates values by commas, with the times first", async () => {
  const { lines, truth } = await runner.run(tool, { argv: ["-stT"] });
  assert.is(lines[0], "TIME,TIME(s),PID,COMM,IP,LADDR,LPORT,RADDR,RPORT,TX_KB,RX_KB,MS");
  const firstUs = Math.floor((truth.tcpSessions[0] as TcpSession).timeNs / 1000);
  const expected = truth.tcpSessions.map((session) => {
    const { timeNs, pid, comm, version, localAddress, localPort, remoteAddress, remotePort } = session;
    const values = [
      ((Math.floor(timeNs / 1000) - firstUs) / 1e6).toFixed(6),
      ...[pid, comm, version, localAddress, localPort, remoteAddress, remotePort],
      kilobytes(session.sentBytes),
      kilobytes(session.receivedBytes),
      milliseconds(session),
    ];
    return values.join(",");
  });
  for (const text of lines.slice(1)) assert.match(text, /^\d\d:\d\d:\d\d,/);
  assert.equal(inOrder(lines.slice(1).map((text) => text.slice(9))), inOrder(expected));
});

test("-T and -t put the time in columns", async () => {
  const { lines, truth } = await runner.run(tool, { argv: ["-T", "-t"] });
  assert.is(lines[0], `TIME     TIME(s)   ${header}`);
  for (const text of lines.slice(1)) assert.match(text, /^\d\d:\d\d:\d\d \d\.\d{6} {2}\d/);
  assert.equal(
    inOrder(lines.slice(1).map((text) => text.slice(19))),
    inOrder(truth.tcpSessions.map((session) => line(session))),
  );
});

const filters: readonly (readonly [readonly string[], (session: TcpSession, one: TcpSession) => boolean])[] =
  [
    [["-4"], ({ version }) => version === 4],
    [["-6"], ({ version }) => version === 6],
    [["-L", "22"], ({ localPort }) => localPort === 22],
    [["-L", "80,8080"], ({ localPort }) => [80, 8080].includes(localPort)],
    [["-D", "443,81"], ({ remotePort }) => [443, 81].includes(remotePort)],
    [["-p", "PID"], ({ pid }, one) => pid === one.pid],
    [["-6", "-D", "443"], ({ remotePort, version }) => remotePort === 443 && version === 6],
  ];
for (const [argv, matches] of filters) {
  test(`${argv.join(" ")} filters`, async () => {
    const { truth } = await runner.run(tool, { argv: ["-p", "1"] });
    const one = truth.tcpSessions.find(({ comm }) => comm === "sshd") as TcpSession;
    const { lines } = await runner.run(tool, {
      argv: argv.map((word) => (word === "PID" ? String(one.pid) : word)),
    });
    const wanted = truth.tcpSessions.filter((session) => matches(session, one));
    assert.ok(wanted.length > 5 && wanted.length < truth.tcpSessions.length);
    assert.equal(inOrder(lines.slice(1)), inOrder(wanted.map((session) => line(session))));
  });
}

test("what makes no sense is refused before anything is loaded", async () => {
  for (const [argv, pattern] of [
    [["-4", "-6"], /cannot be used together/],
    [["-L", "ssh"], /ports separated by commas/],
    [["-D", "1,"], /ports separated by commas/],
    [["-p", "nginx"], /whole number/],
    [["now"], /unexpected argument/],
  ] as const) {
    let message = "nothing was thrown";
    await runner.run(tool, { argv }).catch((error: Error) => {
      message = error.message;
    });
    assert.match(message, pattern, argv.join(" "));
  }
});

test("every seed keeps its word", async () => {
  for (const seed of [2, 3, 4, 5]) {
    const { lines, truth } = await runner.run(tool, { argv: [], seed });
    assert.equal(
      inOrder(lines.slice(1)),
      inOrder(truth.tcpSessions.map((session) => line(session))),
      `seed ${seed}`,
    );
    assert.ok(Math.max(...truth.tcpSessions.map(({ timeNs }) => timeNs)) < 4_990_000_000);
  }
});

for (const argv of [[], ["-L", "80"]]) {
  test(`native clang's object and the interpreter give the same: ${argv.join(" ") || "no options"}`, async () => {
    const ours = await runner.run(tool, { argv });
    assert.equal((await runner.run(tool, { argv, engine: "interpreter" })).lines, ours.lines);
    if (clang === undefined) return;
    assert.equal((await runner.run(tool, { argv, nativeClang: clang })).lines, ours.lines);
  });
}

test.run();
