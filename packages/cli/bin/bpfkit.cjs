#!/usr/bin/env node
"use strict";
// biome-ignore lint/correctness/useImportExtensions: it is built from src/start.cts
require("../dist/start.cjs");
