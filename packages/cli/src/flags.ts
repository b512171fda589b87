/** Flags that several commands share. */
import * as Flags from "@oclif/core/flags";

/** What decides the result of a build. */
export const buildFlags = {
  btf: Flags.string({
    helpValue: "FILE|host",
    description:
      "kernel types to build for: a BTF file, or this machine's (default: the bundled Debian 6.1 profile)",
  }),
  mcpu: Flags.string({
    aliases: ["target-cpu"],
    options: ["v1", "v2", "v3", "v4"],
    default: "v3",
    description: "BPF instruction set (also: --target-cpu)",
  }),
  optimize: Flags.string({
    char: "O",
    options: ["0", "1", "2", "3", "s", "z"],
    default: "2",
    description: "optimisation level, as clang's; what is not optimised passes few verifiers",
  }),
  define: Flags.string({
    char: "D",
    multiple: true,
    multipleNonGreedy: true,
    helpValue: "NAME[=VALUE]",
    description: "define a macro",
  }),
  include: Flags.string({
    char: "I",
    multiple: true,
    multipleNonGreedy: true,
    helpValue: "DIR",
    description: "look for headers here first",
  }),
  "pre-include": Flags.string({
    multiple: true,
    multipleNonGreedy: true,
    helpValue: "FILE",
    description: "include a header before the program, as clang's -include",
  }),
  cache: Flags.boolean({ default: true, allowNo: true, description: "take a result that was built before" }),
};
