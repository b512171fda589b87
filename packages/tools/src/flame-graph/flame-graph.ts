/**
 * Flame graphs: a picture of counted stacks in which the width of a function is how often it was on a stack (after
 * Brendan Gregg's). One file, without anything from elsewhere; it can be searched and zoomed in a browser.
 */
import { type CountedStack, type FrameKind, frameTree, type PlacedFrame, placeFrames } from "./frame-tree.ts";
import { flameGraphScript, layout } from "./script.ts";
import { xmlText } from "./xml-text.ts";

/** How the picture is labelled and wrapped. */
export interface FlameGraphOptions {
  readonly title: string;
  /** What is counted, for example `samples`. */
  readonly unit: string;
  /** A web page around the picture, else the SVG alone. */
  readonly html?: boolean;
}

/** Room above and below the frames, px. */
const headerHeight = 58;
const footerHeight = 30;
/** Frames narrower than this cannot be seen even after a deep zoom, and would only make the file larger; px. */
const leastWidth = 0.02;

const inner = layout.width - 2 * layout.margin;

/** Hue in degrees, and the spread of it and of the lightness that tells neighbours apart. */
const colours: Readonly<Record<FrameKind, readonly [hue: number, spread: number, saturation: number]>> = {
  process: [130, 10, 0.25],
  user: [30, 24, 0.85],
  kernel: [208, 14, 0.6],
};

/** A number from 0 to 1 made up from a name, always the same. */
function shade(name: string): number {
  let mixed = 17;
  for (let at = 0; at < name.length; at++) mixed = (Math.imul(mixed, 31) + name.charCodeAt(at)) >>> 0;
  return (mixed % 101) / 100;
}

/** `#rrggbb` of a function. */
function colour(name: string, kind: FrameKind): string {
  const [hue, spread, saturation] = colours[kind];
  const part = shade(name);
  return hslHex(hue + (part - 0.5) * 2 * spread, saturation, 0.66 + 0.12 * shade(`${name} `));
}

function hslHex(hue: number, saturation: number, lightness: number): string {
  const range = saturation * Math.min(lightness, 1 - lightness);
  const channel = (offset: number) => {
    const place = (offset + hue / 30) % 12;
    const value = lightness - range * Math.max(-1, Math.min(place - 3, 9 - place, 1));
    return Math.round(value * 255)
      .toString(16)
      .padStart(2, "0");
  };
  return `#${channel(0)}${channel(8)}${channel(4)}`;
}

const style = `
.flame-graph { font-family: monospace; font-size: 12px; background: #ffffff; }
.flame-graph .title { font-size: 17px; }
.flame-graph .button { fill: #0550ae; cursor: pointer; }
.flame-graph .frame { cursor: pointer; }
.flame-graph .frame text { pointer-events: none; }
.flame-graph .frame:hover rect { stroke: #000000; stroke-width: 0.7; }
.flame-graph .below { opacity: 0.5; }
.flame-graph .frame[data-hit] rect { fill: #d858d8; }
`;

/** A name cut to the width of its frame, as the script does it after a zoom. */
function fittedName(name: string, width: number): string {
  const room = Math.floor((width - 2 * layout.textMargin) / layout.characterWidth);
  if (room < 3) return "";
  return name.length <= room ? name : `${name.slice(0, room - 2)}..`;
}

function frameElement(placed: PlacedFrame, total: number, bottom: number, unit: string): string {
  const { node, start, depth } = placed;
  const { name, kind, count } = node;
  const x = layout.margin + (start / total) * inner;
  const width = (count / total) * inner;
  const y = bottom - (depth + 1) * layout.frameHeight;
  const percent = ((100 * count) / total).toFixed(1);
  const data = `data-start="${start}" data-count="${count}" data-depth="${depth}" data-name="${xmlText(name)}"`;
  const rect = `<rect x="${x.toFixed(2)}" y="${y}" width="${width.toFixed(2)}" height="${layout.frameHeight - 1}" rx="2" fill="${colour(name, kind)}"/>`;
  const text = `<text x="${(x + layout.textMargin).toFixed(2)}" y="${y + 12}">${xmlText(fittedName(name, width))}</text>`;
  return `<g class="frame" ${data}><title>${xmlText(name)} (${count} ${xmlText(unit)}, ${percent}%)</title>${rect}${text}</g>`;
}

/** What the colours mean, at the left of the second line. */
function legend(): string {
  const kinds: readonly FrameKind[] = ["process", "user", "kernel"];
  return kinds
    .map((kind, index) => {
      const x = layout.margin + index * 90;
      return `<rect x="${x}" y="34" width="11" height="11" fill="${colour(kind, kind)}"/><text x="${x + 16}" y="44">${kind}</text>`;
    })
    .join("");
}

/** The text of the file. */
export function flameGraph(stacks: readonly CountedStack[], options: FlameGraphOptions): string {
  const { title, unit, html = false } = options;
  const root = frameTree(stacks);
  const total = Math.max(1, root.count);
  const placed = placeFrames(root).filter(
    ({ node, depth }) => depth === 0 || (node.count / total) * inner >= leastWidth,
  );
  const depth = placed.reduce((most, frame) => Math.max(most, frame.depth), 0);
  const bottom = headerHeight + (depth + 1) * layout.frameHeight;
  const height = bottom + footerHeight;
  const { width, margin } = layout;
  const right = width - margin;
  const svg = [
    `<svg xmlns="http://www.w3.org/2000/svg" class="flame-graph" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    `<style>${style}</style>`,
    `<rect x="0" y="0" width="${width}" height="${height}" fill="#ffffff"/>`,
    `<text class="title" x="${width / 2}" y="24" text-anchor="middle">${xmlText(title)}</text>`,
    legend(),
    `<text x="${margin + 280}" y="44">${root.count} ${xmlText(unit)}</text>`,
    `<text id="reset" class="button" x="${right - 110}" y="24" text-anchor="end" display="none">Reset zoom</text>`,
    `<text id="search" class="button" x="${right}" y="24" text-anchor="end">Search</text>`,
    `<text id="matched" x="${right}" y="44" text-anchor="end"></text>`,
    ...placed.map((frame) => frameElement(frame, total, bottom, unit)),
    `<text id="details" x="${margin}" y="${bottom + 20}"></text>`,
    `<script><![CDATA[${flameGraphScript}]]></script>`,
    "</svg>",
  ].join("\n");
  if (!html) return `<?xml version="1.0" encoding="UTF-8"?>\n${svg}\n`;
  return `<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8"><title>${xmlText(title)}</title></head>\n<body>\n${svg}\n</body>\n</html>\n`;
}
