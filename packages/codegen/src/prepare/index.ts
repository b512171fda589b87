/** IR to IR: CO-RE lowering before the optimiser, and preparation for instruction selection after it. */
export { lowerCoreAccess } from "./core-access.ts";
export { prepareModule } from "./prepare.ts";
