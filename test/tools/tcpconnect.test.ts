/** tcpconnect against the tcp workload's ground truth, connection by connection. */
import { toolByName } from "@bpfkit/tools";
import type { GroundTruth, TcpConnect } from "@bpfkit/vm/kernel";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { requireTool } from "../support/native-tools.ts";
import { ToolRunner } from "../support/tool-run.ts";

const tool = toolByName("tcpconnect");
if (tool === undefined) throw new Error("tcpconnect is not registered");
const runner = new ToolRunner();
const clang = requireTool("clang-19");
const test = suite("tcpconnect");
test.after(() => runner.close());

const greeting = "Tracing connect ... Hit Ctrl-C to end";
const header = "PID     COMM         IP SADDR            DADDR            DPORT ";

function line(connect: TcpConnect, query = ""): string {
  const { pid, comm, version, localAddress, remoteAddress, remotePort } = connect;
  const columns = [
    String(pid).padEnd(7),
    comm.padEnd(12),
    String(version).padEnd(2),
    localAddress.padEnd(16),
    remoteAddress.padEnd(16),
    String(remotePort).padEnd(6),
  ];
  return `${columns.join(" ")} ${query}`;
}

/** What -d has to print: the last answer with that address that was read before. */
function query({ dnsAnswers }: GroundTruth, { remoteAddress, timeNs }: TcpConnect): string {
  const answer = dnsAnswers.findLast((one) => one.addresses.includes(remoteAddress) && one.timeNs < timeNs);
  if (answer === undefined) {
    return ["127.0.0.1", "::1"].includes(remoteAddress) ? "localhost" : "No DNS Query";
  }
  const elapsedUs = Math.floor(timeNs / 1000) - Math.floor(answer.timeNs / 1000);
  return elapsedUs > 100_000 ? `${answer.name} (${(elapsedUs / 1000).toFixed(3)}ms)` : answer.name;
}

test("prints every connection that sent a packet, in their order", async () => {
  const { lines, truth, status } = await runner.run(tool, { argv: [] });
  assert.is(status, 0);
  assert.equal(lines.slice(0, 2), [greeting, header]);
  assert.is(truth.tcpConnects.length, 43 + 19 + 13 + 23 + 17 + 7);
  assert.ok(truth.tcpConnects.some(({ refused }) => refused));
  assert.equal(
    lines.slice(2),
    truth.tcpConnects.map((connect) => line(connect)),
  );
});

test("-L shows the local port, -U the user, -t the time", async () => {
  const { lines, truth } = await runner.run(tool, { argv: ["-LUt"] });
  assert.is(
    lines[1],
    "TIME(s)  UID   PID     COMM         IP SADDR            LPORT  DADDR            DPORT ",
  );
  const firstUs = Math.floor((truth.tcpConnects[0] as TcpConnect).timeNs / 1000);
  const expected = truth.tcpConnects.map((connect) => {
    const { timeNs, uid, localPort } = connect;
    const time = ((Math.floor(timeNs / 1000) - firstUs) / 1e6).toFixed(3).padEnd(9);
    const plain = line(connect);
    return `${time}${String(uid).padEnd(6)}${plain.slice(0, 41)}${String(localPort).padEnd(6)} ${plain.slice(41)}`;
  });
  assert.equal(lines.slice(2), expected);
});

const filters: readonly (readonly [readonly string[], (connect: TcpConnect, one: TcpConnect) => boolean])[] =
  [
    [["-4"], ({ version }) => version === 4],
    [["-6"], ({ version }) => version === 6],
    [["-P", "443"], ({ remotePort }) => remotePort === 443],
    [["-P", "81,5432,65535"], ({ remotePort }) => [81, 5432].includes(remotePort)],
    [["-p", "PID"], ({ pid }, one) => pid === one.pid],
    [["-6", "-P", "8080"], ({ comm }) => comm === "curl"],
  ];
for (const [argv, matches] of filters) {
  test(`${argv.join(" ")} filters`, async () => {
    const { truth } = await runner.run(tool, { argv: ["-c"] });
    const one = truth.tcpConnects.find(({ comm }) => comm === "python3") as TcpConnect;
    const { lines } = await runner.run(tool, {
      argv: argv.map((word) => (word === "PID" ? String(one.pid) : word)),
    });
    const wanted = truth.tcpConnects.filter((connect) => matches(connect, one));
    assert.ok(wanted.length > 5 && wanted.length < truth.tcpConnects.length);
    assert.equal(
      lines.slice(2),
      wanted.map((connect) => line(connect)),
    );
  });
}

test("-u filters by user: all are the same one's", async () => {
  const { lines, truth } = await runner.run(tool, { argv: ["-u", "1000"] });
  assert.is(lines.length - 2, truth.tcpConnects.length);
  assert.is((await runner.run(tool, { argv: ["-u", "33"] })).lines.length, 2);
});

test("-d shows the names that were looked up, and how long ago", async () => {
  const { lines, truth } = await runner.run(tool, { argv: ["-d"] });
  assert.is(lines[1], `${header} QUERY`);
  const expected = truth.tcpConnects.map((connect) => line(connect, query(truth, connect)));
  assert.equal(lines.slice(2), expected);
  for (const pattern of [/ localhost$/, / No DNS Query$/, / www\.example\.com$/, / \(\d{3}\.\d{3}ms\)$/]) {
    assert.ok(
      lines.some((text) => pattern.test(text)),
      String(pattern),
    );
  }
});

test("-c counts by addresses and port", async () => {
  const { lines, truth } = await runner.run(tool, { argv: ["-c"] });
  const row = (columns: readonly (string | number)[]) =>
    [25, 25, 20, 10].map((width, index) => String(columns[index]).padEnd(width)).join(" ");
  assert.equal(lines.slice(0, 3), [greeting, "", row(["LADDR", "RADDR", "RPORT", "CONNECTS"])]);
  const flows = new Map<string, { connect: TcpConnect; count: number }>();
  for (const connect of truth.tcpConnects) {
    const name = `${connect.localAddress} ${connect.remoteAddress} ${connect.remotePort}`;
    const count = (flows.get(name)?.count ?? 0) + 1;
    flows.set(name, { connect, count });
  }
  const rows = [...flows.values()].map(({ connect, count }) =>
    row([connect.localAddress, connect.remoteAddress, connect.remotePort, count]),
  );
  assert.equal(lines.slice(3).toSorted(), rows.toSorted());
  const counts = lines.slice(3).map((text) => [text.includes(":") ? 6 : 4, Number(text.slice(73))] as const);
  const sorted = counts.toSorted(([a, m], [b, n]) => a - b || n - m);
  assert.equal(counts, sorted, "IPv4 before IPv6, each with the largest first");
});

test("what makes no sense is refused before anything is loaded", async () => {
  for (const [argv, pattern] of [
    [["-c", "-d"], /cannot be used together/],
    [["-4", "-6"], /cannot be used together/],
    [["-P", "80,http"], /ports separated by commas/],
    [["-P", "65536"], /ports separated by commas/],
    [["-P", ""], /ports separated by commas/],
    [["--cgroupmap", "relative"], /whole path/],
    [["--mntnsmap", '/sys/fs/bpf/"); x'], /whole path/],
    [["-p", "1x"], /whole number/],
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
    const { lines, truth } = await runner.run(tool, { argv: ["-d"], seed });
    const expected = truth.tcpConnects.map((connect) => line(connect, query(truth, connect)));
    assert.equal(lines.slice(2), expected, `seed ${seed}`);
  }
});

for (const argv of [[], ["-c"], ["-d", "-L"]]) {
  test(`native clang's object and the interpreter give the same: ${argv.join(" ") || "no options"}`, async () => {
    const ours = await runner.run(tool, { argv });
    assert.equal((await runner.run(tool, { argv, engine: "interpreter" })).lines, ours.lines);
    if (clang === undefined) return;
    assert.equal((await runner.run(tool, { argv, nativeClang: clang })).lines, ours.lines);
  });
}

test.run();
