/**
 * The tools that come with bpfkit, written on its public API. They print through the host they are given and use
 * nothing of Node, so they run in a browser too.
 */
export { toolByName, tools } from "./registry.ts";
