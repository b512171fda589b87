/** Assembly text to instructions. */
export type { AsmItem } from "./item.ts";
export type { AsmProgram } from "./parse.ts";
export { parseAssembly } from "./parse.ts";
export { statementsOf } from "./tokens.ts";
