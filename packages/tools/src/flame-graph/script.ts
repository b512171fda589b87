/** The script inside of a flame graph: details on hover, zoom on click, search. Plain JavaScript for browsers. */

/** Sizes that the picture and its script share, in pixels. */
export const layout = {
  width: 1200,
  margin: 10,
  frameHeight: 17,
  /** Width of a character of the font, and the space on both sides of a name. */
  characterWidth: 7.25,
  textMargin: 3,
} as const;

/** Needs an element `svg.flame-graph` with the groups that `flame-graph.ts` writes. Names are set as text only. */
export const flameGraphScript = `(function () {
  "use strict";
  var layout = ${JSON.stringify(layout)};
  var svg = document.querySelector("svg.flame-graph");
  var inner = layout.width - 2 * layout.margin;
  var frames = Array.prototype.map.call(svg.querySelectorAll("g.frame"), function (group) {
    return {
      group: group,
      start: Number(group.getAttribute("data-start")),
      count: Number(group.getAttribute("data-count")),
      depth: Number(group.getAttribute("data-depth")),
      name: group.getAttribute("data-name"),
      rect: group.querySelector("rect"),
      text: group.querySelector("text")
    };
  });
  var total = frames.length > 0 ? frames[0].count : 0;
  var byId = function (id) { return svg.querySelector("#" + id); };
  var details = byId("details"), matched = byId("matched"), reset = byId("reset"), search = byId("search");
  var pattern = null;

  function fit(name, width) {
    var room = Math.floor((width - 2 * layout.textMargin) / layout.characterWidth);
    if (room < 3) return "";
    return name.length <= room ? name : name.slice(0, room - 2) + "..";
  }

  function place(frame, start, count, from, span) {
    var x = layout.margin + ((start - from) / span) * inner;
    var width = (count / span) * inner;
    frame.rect.setAttribute("x", x.toFixed(2));
    frame.rect.setAttribute("width", width.toFixed(2));
    frame.text.setAttribute("x", (x + layout.textMargin).toFixed(2));
    frame.text.textContent = fit(frame.name, width);
  }

  function zoom(target) {
    var end = target.start + target.count;
    frames.forEach(function (frame) {
      var isBelow = frame.depth < target.depth && frame.start <= target.start && frame.start + frame.count >= end;
      var isInside = frame.depth >= target.depth && frame.start >= target.start && frame.start + frame.count <= end;
      frame.group.setAttribute("class", isBelow && target.depth > 0 ? "frame below" : "frame");
      frame.group.setAttribute("display", isBelow || isInside ? "inline" : "none");
      if (isBelow) place(frame, target.start, target.count, target.start, target.count);
      else if (isInside) place(frame, frame.start, frame.count, target.start, target.count);
    });
    reset.setAttribute("display", target.depth > 0 ? "inline" : "none");
    highlight();
  }

  function matches(name) {
    try {
      return new RegExp(pattern).test(name);
    } catch (error) {
      return name.indexOf(pattern) >= 0;
    }
  }

  function highlight() {
    var count = 0, covered = -1;
    frames.slice().sort(function (a, b) { return a.start - b.start || a.depth - b.depth; }).forEach(function (frame) {
      var hit = pattern !== null && matches(frame.name);
      if (hit) frame.group.setAttribute("data-hit", "");
      else frame.group.removeAttribute("data-hit");
      if (hit && frame.start >= covered) {
        count += frame.count;
        covered = frame.start + frame.count;
      }
    });
    matched.textContent = pattern === null ? "" : "Matched: " + percent(count);
    search.textContent = pattern === null ? "Search" : "Reset search";
  }

  function percent(count) {
    return (total > 0 ? (100 * count) / total : 0).toFixed(1) + "%";
  }

  function ask() {
    if (pattern !== null) pattern = null;
    else pattern = window.prompt("Functions to look for (a regular expression):", "") || null;
    highlight();
  }

  frames.forEach(function (frame) {
    frame.group.addEventListener("click", function () { zoom(frame); });
    frame.group.addEventListener("mouseover", function () {
      details.textContent = frame.group.querySelector("title").textContent;
    });
    frame.group.addEventListener("mouseout", function () { details.textContent = ""; });
  });
  reset.addEventListener("click", function () { zoom(frames[0]); });
  search.addEventListener("click", ask);
  window.addEventListener("keydown", function (event) {
    if ((event.ctrlKey || event.metaKey) && event.key === "f") {
      event.preventDefault();
      ask();
    } else if (event.key === "Escape" && frames.length > 0) {
      pattern = null;
      zoom(frames[0]);
    }
  });
})();`;
