/** Flags of the commands that show what is loaded. */
import * as Flags from "@oclif/core/flags";

/** As bpftool has them. */
export const outputFlags = {
  json: Flags.boolean({ char: "j", description: "as JSON" }),
  pretty: Flags.boolean({ char: "p", description: "as JSON on several lines" }),
};
