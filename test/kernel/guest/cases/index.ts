/** Every test of the guest, in the order in which they run. */
import type { GuestCase } from "../guest-case.ts";
import { commandCases } from "./command.ts";
import { mapCases } from "./maps.ts";
import { probeCases } from "./probes.ts";
import { ringCases } from "./rings.ts";
import { toolCases } from "./tools.ts";
import { uprobeCases } from "./uprobes.ts";

/** All cases. */
export const guestCases: readonly GuestCase[] = [
  ...mapCases,
  ...probeCases,
  ...uprobeCases,
  ...ringCases,
  ...toolCases,
  ...commandCases,
];
