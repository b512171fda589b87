/** esbuild splits code along dynamic imports only into ES modules; this makes CommonJS of them, which V8 can cache. */
import { basename } from "node:path";
import { transform } from "esbuild";

/** A chunk's text as the body of a function of `exports`, `require`, `module` and `__bundled`. */
export async function commonJs(text) {
  const { code } = await transform(text, {
    format: "cjs",
    platform: "node",
    target: "node20",
    supported: { "dynamic-import": false },
    // Short names make the code that V8 keeps smaller, too.
    minify: true,
    // In elfy.
    logOverride: { "duplicate-object-key": "silent" },
    logLevel: "warning",
  });
  return asciiOnly(builtInsOnUse(code));
}

/**
 * Node's own modules are loaded when they are used first: each takes time. esbuild reads imported names as properties of
 * the variable that holds the module, so that a call can stand for that variable.
 */
function builtInsOnUse(code) {
  const names = new Map();
  const declared = code.replace(
    /(?<=var |,)(import_\w+)=(?:require\("(node:[\w/]+)"\)|__toESM\(require\("(node:[\w/]+)"\)(?:,1)?\))/g,
    (_whole, name, named, whole) => {
      names.set(name, named ?? whole);
      return `${name}=()=>__bundled.builtIn("${named ?? whole}")`;
    },
  );
  const used =
    names.size === 0
      ? declared
      : declared.replace(new RegExp(`(?<![\\w.$])(${[...names.keys()].join("|")})(?=\\.)`, "g"), "($1())");
  return used.replace(/__toESM\(require\("(node:[\w/]+)"\)(?:,1)?\)/g, '__bundled.builtIn("$1")');
}

/** Strings and regular expressions without other letters: read as Latin-1, the text takes half of the memory. */
function asciiOnly(code) {
  return code.replace(/[^\0-\x7f]/g, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** `./chunk-X.js` as the bundle's files call it. */
export const chunkName = (path) => basename(path).replace(/\.js$/, ".cjs");
