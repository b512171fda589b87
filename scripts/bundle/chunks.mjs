/** esbuild splits code along dynamic imports only into ES modules; this makes CommonJS of them, which V8 can cache. */
import { basename } from "node:path";
import { transform } from "esbuild";

const common = {
  platform: "node",
  target: "node20",
  // In elfy.
  logOverride: { "duplicate-object-key": "silent" },
  logLevel: "warning",
};

/** A chunk's text as the body of a function of `exports`, `require`, `module` and `__bundled`. */
export async function commonJs(text) {
  const { code } = await transform(text, {
    ...common,
    format: "cjs",
    supported: { "dynamic-import": false },
  });
  // Short names make the code that V8 keeps smaller, too. They come last: what is put off goes by its name.
  const { code: short } = await transform(builtInsOnUse(code), { ...common, minify: true });
  return asciiOnly(short);
}

/**
 * Node's own modules are loaded when they are used first: each takes time. esbuild reads imported names as properties of
 * the variable that holds the module, so that a call can stand for that variable.
 */
function builtInsOnUse(code) {
  const names = [];
  const declared = code.replace(
    /^var (import_\w+) = (?:__toESM\()?require\("(node:[\w/]+)"\)(?:(?:, 1)?\))?;$/gm,
    (_whole, name, module) => {
      names.push(name);
      return `const ${name} = () => __bundled.builtIn("${module}");`;
    },
  );
  return calledOnUse(declared, names).replace(
    /__toESM\(require\("(node:[\w/]+)"\)(?:, 1)?\)/g,
    '__bundled.builtIn("$1")',
  );
}

/** Calls each of `names` where a property of it is read. @throws Error where it stands for itself, which cannot be put off */
export function calledOnUse(text, names) {
  if (names.length === 0) return text;
  const alternatives = names.map((name) => name.replaceAll("$", "\\$")).join("|");
  const called = text.replace(new RegExp(`(?<![\\w.$])(${alternatives})(?=[.)\\[])`, "g"), "($1())");
  const left = new RegExp(`(?<!const |[\\w.$])(?:${alternatives})(?![\\w$]|\\(\\))`).exec(called);
  if (left !== null)
    throw new Error(`${left[0]} is used as a whole: ${called.slice(left.index - 40, left.index + 60)}`);
  return called;
}

/** Strings and regular expressions without other letters: read as Latin-1, the text takes half of the memory. */
function asciiOnly(code) {
  return code.replace(/[^\0-\x7f]/g, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** `./chunk-X.js` as the bundle's files call it. */
export const chunkName = (path) => basename(path).replace(/\.js$/, ".cjs");
