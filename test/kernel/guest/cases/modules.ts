/** Inserting the kernel modules that the image holds. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";

/** Inserts a module and what it needs, unless they are there. */
export function insertModule(name: string, options: readonly string[] = []): void {
  for (const file of readFileSync(`/modules/${name}.order`, "utf8").trim().split("\n")) {
    const module = file.replace(/\.ko$/, "").replaceAll("-", "_");
    if (existsSync(`/sys/module/${module}`)) continue;
    execFileSync("/bin/insmod", [`/modules/${file}`, ...(module === name ? options : [])]);
  }
}
