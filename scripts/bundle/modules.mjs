/** What happens to modules on their way into the bundle: an esbuild plugin. */
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, relative, sep } from "node:path";
import { calledOnUse } from "./chunks.mjs";

/** Folder of each workspace -> its package's name. */
function workspaceNames(packages) {
  const nameOf = (folder) => JSON.parse(readFileSync(join(packages, folder, "package.json"), "utf8")).name;
  return new Map(readdirSync(packages).map((folder) => [folder, nameOf(folder)]));
}

/** Modules that ask where they are get the place where they would be without the bundle. */
function withPlace(text, name, inside) {
  const place = `__bundled.place(${JSON.stringify(name)}, ${JSON.stringify(inside)})`;
  return text
    .replaceAll("import.meta.resolve", "__bundled.resolve")
    .replaceAll("import.meta.url", `__bundled.url(${place})`)
    .replaceAll("import.meta.dirname", `__bundled.folder(${place})`);
}

/**
 * CommonJS as TypeScript writes it, with each `const name_1 = require("x")` put off until `name_1` is used: of oclif's help,
 * plugin search and progress bars, a run needs nothing.
 */
function requireOnUse(text) {
  const names = [];
  const declared = text.replace(
    /^const (\w+_\d+) = ((?:__import(?:Default|Star)\()?require\("[^"]+"\)\)?);$/gm,
    (_line, name, value) => {
      names.push(name);
      return `let ${name}_; const ${name} = () => ${name}_ ??= ${value};`;
    },
  );
  return calledOnUse(declared, names);
}

/** koffi's JavaScript goes along; its native code stays where it is installed as a dependency of koffi's. */
function withNativeCodeOutside(text, inside) {
  if (!/__dirname|__filename|'@koromix\//.test(text)) return text;
  const names = `const __filename = __bundled.inKoffi("${inside}"), __dirname = __bundled.folder(__filename);`;
  return `${names}\n${text.replace(/require\((?='@koromix\/)/g, "__bundled.requireAt(__filename)(")}`;
}

/** The plugin. */
export function bundledModules(packages) {
  const names = workspaceNames(packages);
  return {
    name: "bundled-modules",
    setup({ onLoad, onResolve }) {
      onLoad({ filter: /packages\/[^/]+\/dist\/.*\.js$/ }, ({ path }) => {
        const [folder, ...inside] = relative(packages, path).split(sep);
        // What the modules look for in themselves, the bundle knows: its id is a hash of its text.
        if (path.endsWith("bpfkit/dist/node/implementation.js"))
          return { contents: "export const implementationId = () => __bundled.id;" };
        const text = readFileSync(path, "utf8");
        if (!text.includes("import.meta")) return undefined;
        return { contents: withPlace(text, names.get(folder), inside.join("/")) };
      });
      onLoad({ filter: /node_modules\/@oclif\/core\/lib\/.*\.js$/ }, ({ path }) => ({
        contents: requireOnUse(readFileSync(path, "utf8")),
      }));
      // oclif's log for its own developers brings half of a dozen modules along, for nothing where nobody asked for it.
      onResolve({ filter: /^debug$/ }, ({ path, namespace, resolveDir }) =>
        namespace === "debug-on-demand"
          ? undefined
          : { path, namespace: "debug-on-demand", pluginData: resolveDir },
      );
      onLoad({ filter: /.*/, namespace: "debug-on-demand" }, ({ pluginData }) => ({
        contents: 'module.exports = process.env.DEBUG ? require("debug") : () => () => {};',
        resolveDir: pluginData,
      }));
      onResolve({ filter: /^koffi$/ }, ({ resolveDir, path }) => ({
        path: createRequire(join(resolveDir, "package.json")).resolve(path),
      }));
      onLoad({ filter: /node_modules\/koffi\/(?:index|src\/.*)\.cjs$/ }, ({ path }) => ({
        contents: withNativeCodeOutside(readFileSync(path, "utf8"), path.split("node_modules/koffi/").at(-1)),
      }));
    },
  };
}
