/** `npm run generate`: remakes every generated file. Needs the Debian packages that scripts/install-test-tools.sh installs. */
import { generateAbi } from "./generate-abi.ts";
import { generateHeaders } from "./generate-headers.ts";
import { generateSystemCalls } from "./generate-system-calls.ts";
import { generateTools } from "./generate-tools.ts";

generateAbi();
generateTools();
generateSystemCalls();
generateHeaders();
