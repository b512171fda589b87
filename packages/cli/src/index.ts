/** The bpfkit command. `main` runs one command line; nothing else is public. */
export { main } from "./main.ts";
