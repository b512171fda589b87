#!/usr/bin/env node
"use strict";
try {
  // biome-ignore lint/correctness/useImportExtensions: it is built from src/start.cts
  require("../dist/start.cjs");
} catch (error) {
  if (error.code !== "MODULE_NOT_FOUND") throw error;
  process.stderr.write(
    "error: bpfkit is not built\n  hint: In a checkout: npm ci. Elsewhere: install it again.\n",
  );
  process.exitCode = 1;
}
