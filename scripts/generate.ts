/** `npm run generate`: remakes every generated file. Needs the Debian packages that scripts/install-test-tools.sh installs. */
import { existsSync } from "node:fs";
import { generateAbi } from "./generate-abi.ts";
import { generateTools } from "./generate-tools.ts";

generateAbi();
generateTools();
if (existsSync(new URL("./generate-headers.ts", import.meta.url))) await import("./generate-headers.ts");
