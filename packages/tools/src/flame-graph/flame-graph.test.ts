/** Tests of flame graphs: the picture's numbers, hostile names, and what the script does with clicks and searches. */
import { Window } from "happy-dom";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { flameGraph } from "./flame-graph.ts";
import type { CountedStack, FrameKind } from "./frame-tree.ts";
import { layout } from "./script.ts";
import { xmlText } from "./xml-text.ts";

const stack = (count: number, ...names: readonly string[]): CountedStack => ({
  count,
  frames: names.map((name, index) => {
    const kind: FrameKind = index === 0 ? "process" : name.startsWith("k_") ? "kernel" : "user";
    return { name, kind };
  }),
});

const stacks = [
  stack(30, "app", "main", "parse", "next"),
  stack(10, "app", "main", "parse"),
  stack(40, "app", "main", "draw", "k_write"),
  stack(20, "other", "main", "next"),
];
const options = { title: "test", unit: "samples" };

interface Shown {
  readonly name: string;
  readonly title: string;
  readonly x: number;
  readonly width: number;
  readonly text: string;
  readonly visible: boolean;
  readonly below: boolean;
  readonly hit: boolean;
}

/** A browser's window with the graph in it, its script run. */
function open(graph: string, answer = "") {
  const window = new Window({
    settings: { enableJavaScriptEvaluation: true, suppressInsecureJavaScriptEnvironmentWarning: true },
  });
  const { document } = window;
  // The script is run by hand, as markup that is set into a page does not run; styles play no part here.
  const [, script = ""] = /<script><!\[CDATA\[([\s\S]*)\]\]><\/script>/.exec(graph) ?? [];
  document.body.innerHTML = graph
    .replace(/<\?xml.*\?>/, "")
    .replace(/<style>[\s\S]*?<\/style>/, "")
    .replace(/<script>[\s\S]*<\/script>/, "");
  const prompt = () => answer;
  new Function("document", "window", script)(document, Object.assign(window, { prompt }));
  const group = (name: string) => {
    const all = [...document.querySelectorAll("g.frame")];
    const found = all.find((element) => element.getAttribute("data-name") === name);
    assert.ok(found, name);
    return found;
  };
  return {
    document,
    window,
    click: (name: string) => group(name).dispatchEvent(new window.Event("click")),
    press: (id: string) => document.querySelector(`#${id}`)?.dispatchEvent(new window.Event("click")),
    text: (id: string) => document.querySelector(`#${id}`)?.textContent ?? "",
    shown: (name: string): Shown => {
      const element = group(name);
      const rect = element.querySelector("rect");
      return {
        name,
        title: element.querySelector("title")?.textContent ?? "",
        x: Number(rect?.getAttribute("x")),
        width: Number(rect?.getAttribute("width")),
        text: element.querySelector("text")?.textContent ?? "",
        visible: element.getAttribute("display") !== "none",
        below: element.getAttribute("class") === "frame below",
        hit: element.hasAttribute("data-hit"),
      };
    },
  };
}

const inner = layout.width - 2 * layout.margin;
const near = (actual: number, expected: number, what: string) =>
  assert.ok(Math.abs(actual - expected) < 0.01, `${what}: ${actual}, not ${expected}`);

test("widths are shares of the samples, and stand above what they were called from", () => {
  const { shown } = open(flameGraph(stacks, options));
  near(shown("all").width, inner, "all");
  near(shown("app").width, 0.8 * inner, "app");
  near(shown("parse").width, 0.4 * inner, "parse");
  near(shown("draw").width, 0.4 * inner, "draw");
  // In the order of their names: draw before parse.
  near(shown("parse").x, layout.margin + 0.4 * inner, "parse");
  near(shown("k_write").x, shown("draw").x, "k_write");
  assert.is(shown("parse").title, "parse (40 samples, 40.0%)");
  assert.is(shown("k_write").title, "k_write (40 samples, 40.0%)");
});

test("a click zooms: what is below fills the picture, what is beside is gone; Reset goes back", () => {
  const { click, press, shown } = open(flameGraph(stacks, options));
  click("parse");
  near(shown("parse").width, inner, "parse");
  near(shown("app").width, inner, "app");
  near(shown("next").width, 0.75 * inner, "next");
  assert.is(shown("draw").visible, false);
  assert.is(shown("other").visible, false);
  assert.is(shown("all").visible, true);
  assert.equal([shown("app").below, shown("all").below], [true, true]);
  assert.equal([shown("parse").below, shown("next").below], [false, false]);
  press("reset");
  assert.is(shown("app").below, false);
  near(shown("parse").width, 0.4 * inner, "parse");
  assert.is(shown("draw").visible, true);
});

test("a search marks functions and adds up where they are, each sample once", () => {
  const { press, shown, text } = open(flameGraph(stacks, options), "^(parse|next)$");
  press("search");
  assert.is(shown("parse").hit, true);
  assert.is(shown("next").hit, true);
  assert.is(shown("draw").hit, false);
  // 40 in parse, of which 30 in next, and 20 in the other next.
  assert.is(text("matched"), "Matched: 60.0%");
  assert.is(text("search"), "Reset search");
  press("search");
  assert.is(shown("parse").hit, false);
  assert.is(text("matched"), "");
});

test("a search for what is no regular expression looks for the text", () => {
  const { press, shown } = open(flameGraph([stack(1, "app", "f(int", "g")], options), "f(int");
  press("search");
  assert.is(shown("f(int").hit, true);
  assert.is(shown("g").hit, false);
});

test("names that do not fit are cut", () => {
  const long = "a_function_with_a_name_that_is_much_longer_than_its_frame";
  const graph = flameGraph(
    [stack(1, "app", long), stack(5, "app", "short"), stack(999, "app", "rest")],
    options,
  );
  const { shown, click } = open(graph);
  assert.is(shown(long).text, "");
  click(long);
  assert.is(shown(long).text, long);
  assert.is(shown("rest").text, "rest");
});

test("hostile names stay text", () => {
  const names = [
    "</title><script>alert(1)</script>",
    `" onload="alert(1)`,
    "]]>",
    "\u0000\u001b[31m",
    "<&'>",
  ];
  for (const html of [false, true]) {
    const graph = flameGraph([stack(1, ...names)], { title: names[0] ?? "", unit: "samples", html });
    assert.is(graph.match(/<script/g)?.length, 1);
    assert.is(graph.match(/\]\]>/g)?.length, 1);
    assert.not.match(graph, / onload="/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    assert.not.match(graph, /[\u0000-\u0008\u001b]/);
  }
  const { shown, document } = open(flameGraph([stack(1, ...names)], options));
  assert.is(document.querySelectorAll("script").length, 0);
  assert.is(shown("</title><script>alert(1)</script>").visible, true);
  assert.is(xmlText("\ud83d\ude00 \ud83d <"), "\ud83d\ude00 \ufffd &lt;");
});

test("no samples give a picture, too", () => {
  const { shown } = open(flameGraph([], options));
  assert.is(shown("all").title, "all (0 samples, 0.0%)");
});

test("the page is the picture in HTML", () => {
  const page = flameGraph(stacks, { ...options, html: true });
  assert.match(page, /^<!DOCTYPE html>\n/);
  assert.match(page, /<svg /);
  assert.not.match(page, /<\?xml/);
  assert.not.match(page, /(src|href)=/);
});

test.run();
