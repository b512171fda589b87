/** Guest tests of freplace: a function of a loaded program is replaced by another, and comes back. */
import { strict as assert } from "node:assert";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { BPF, type ToolProgram } from "bpfkit";
import type { GuestCase } from "../guest-case.ts";
import { loadedObjects, untilUnloaded } from "./loaded-objects.ts";
import { until } from "./until.ts";

const command = "/bpfkit/node_modules/@bpfkit/cli/bin/bpfkit.cjs";

const head = `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";
`;

const extended: ToolProgram = {
  file: "extended.bpf.c",
  text: `${head}
__noinline int answer(int question)
{
    barrier_var(question);
    return question + 1;
}

SEC("socket")
int asks(struct __sk_buff *skb)
{
    return answer(41);
}
`,
};

const extension: ToolProgram = {
  file: "extension.bpf.c",
  text: `${head}
SEC("freplace/answer")
int other_answer(int question)
{
    return question + 2;
}
`,
};

/** Programs in place of functions of other programs. */
export const extensionCases: readonly GuestCase[] = [
  {
    name: "freplace: a function of another program, replaced while the link is open",
    programs: [extended, extension],
    async run(guest) {
      const { kernel } = guest;
      const before = loadedObjects(kernel);
      const target = await guest.open(extended);
      const asks = target.program("asks");
      const answer = (): number => asks.testRun({ data: new Uint8Array(64) }).returnValue;
      assert.equal(answer(), 42);
      await assert.rejects(
        guest.open(extension),
        /LD053|other_answer does not say the program whose function/,
      );
      const object = readFileSync(guest.objectPath(extension));
      const replacing = await BPF.open({ object, name: "extension.bpf.c", kernel, extend: asks });
      assert.deepEqual(
        replacing.links.map(({ description }) => description),
        ["freplace:answer"],
      );
      assert.equal(answer(), 43);
      replacing.close();
      assert.equal(answer(), 42);
      target.close();
      await untilUnloaded(kernel, before);
    },
  },
  {
    name: "bpfkit run --extend replaces a function of a program that is named by its id, until Ctrl-C",
    programs: [extended, extension],
    async run(guest) {
      const { kernel } = guest;
      const before = loadedObjects(kernel);
      const target = await guest.open(extended);
      const asks = target.program("asks");
      const answer = (): number => asks.testRun({ data: new Uint8Array(64) }).returnValue;
      const { id } = kernel.objects.programInfo(asks.fd);
      const words = [
        command,
        "run",
        "--target",
        "kernel",
        "--extend",
        String(id),
        guest.objectPath(extension),
      ];
      const child = spawn(process.execPath, words, { stdio: "ignore" });
      await until("the other answer", () => {
        assert.equal(child.exitCode, null);
        return answer() === 43;
      });
      child.kill("SIGINT");
      const [status] = await once(child, "close");
      assert.equal(status, 0);
      assert.equal(answer(), 42);
      target.close();
      await untilUnloaded(kernel, before);
    },
  },
];
