"""A profile as a flame graph: rectangles for who wants to draw them, an SVG, and a page that zooms and
searches.

The width of a function is the share of samples in it and in what it called; who called it is below it. Names
come out of a guest's files: they are text here, never markup. Left out: what is too narrow to be seen.
"""

import colorsys
import json
from collections.abc import Iterator
from html import escape
from typing import Any, Final, NamedTuple

from pocketvisor.debug.trace.profile import Frame

ROW: Final = 18
_WIDTH: Final = 1200
_LEAST: Final = 0.0005
_DEPTH_MAX: Final = 80
_CHARACTER: Final = 6.6


class Rectangle(NamedTuple):
    """`left` and `width` are shares of the whole, `depth` counts from the root, which is 0."""

    frame: Frame
    left: float
    width: float
    depth: int


def rectangles(root: Frame, least: float = _LEAST) -> Iterator[Rectangle]:
    """Of all frames that are at least so wide, callers before called."""
    waiting = [(root, 0.0, 0)]
    whole = max(root.samples, 1)
    while waiting:
        frame, left, depth = waiting.pop()
        width = frame.samples / whole
        if width < least or depth > _DEPTH_MAX:
            continue
        yield Rectangle(frame, left, width, depth)
        for child in sorted(frame.children.values(), key=lambda child: child.name):
            waiting.append((child, left, depth + 1))
            left += child.samples / whole


def colour(name: str) -> str:
    """#rrggbb, the same for a name each time: warm ones, as flame graphs have them."""
    mixed = sum(ord(c) * (n + 7) for n, c in enumerate(name[:64]))
    parts = colorsys.hls_to_rgb(mixed % 50 / 360, 0.58 + mixed // 7 % 12 / 100, 0.6 + mixed // 50 % 25 / 100)
    return "#" + "".join(f"{round(part * 255):02x}" for part in parts)


def flame_svg(root: Frame, title: str = "") -> str:
    shown = list(rectangles(root))
    rows = max((one.depth for one in shown), default=0) + 1
    height = (rows + 1) * ROW + 8
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
        f'viewBox="0 0 {_WIDTH} {height}" font-family="monospace" font-size="11">\n',
        f'<rect width="{_WIDTH}" height="{height}" fill="#fffdf5"/><text x="4" y="14">{_text(title)}: '
        f"{root.samples} samples</text>\n",
    ]
    for frame, left, width, depth in shown:
        x, wide, y = left * _WIDTH, width * _WIDTH, height - 4 - (depth + 1) * ROW
        fits = int((wide - 6) / _CHARACTER)
        name = frame.name if len(frame.name) <= fits else frame.name[: fits - 1] + "…" if fits > 3 else ""
        parts.append(
            f'<g><title>{_text(frame.name)} ({frame.samples} samples, {width:.2%})</title><rect x="{x:.2f}" '
            f'y="{y}" width="{max(wide - 0.5, 0.3):.2f}" height="{ROW - 1}" rx="2" '
            f'fill="{colour(frame.name)}"/>'
            f'<text x="{x + 3:.2f}" y="{y + 13}">{_text(name)}</text></g>\n'
        )
    parts.append("</svg>\n")
    return "".join(parts)


def flame_html(root: Frame, title: str = "") -> str:
    """One file without anything from elsewhere."""
    data = json.dumps(_plain(root, max(root.samples, 1) * _LEAST, 0)).replace("<", "\\u003c")
    return _PAGE.replace("@TITLE@", _text(title or "guest")).replace("@DATA@", data)


def _plain(frame: Frame, least: float, depth: int) -> list[Any]:
    children = [
        _plain(child, least, depth + 1)
        for child in sorted(frame.children.values(), key=lambda child: child.name)
        if child.samples >= least and depth < _DEPTH_MAX
    ]
    return [_printable(frame.name), frame.samples, frame.own, children]


def _text(text: str) -> str:
    return escape(_printable(text))


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)


_PAGE: Final = """<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>@TITLE@: where its time went</title>
<style>
:root { color-scheme: light dark; }
body { font: 13px system-ui, sans-serif; margin: 12px; }
#graph { position: relative; }
#graph button { position: absolute; height: 17px; border: 0; border-radius: 2px; padding: 0 3px; color: #111;
  font: 11px monospace; text-align: left; overflow: hidden; white-space: nowrap; cursor: pointer; }
#graph button.found { background: #b55bd0 !important; color: #fff; }
#graph button:focus, #graph button:hover { outline: 2px solid #06c; z-index: 1; }
#said { min-height: 1.4em; }
</style>
<p><b>@TITLE@</b> <input id="find" placeholder="Search functions" aria-label="Search functions">
<button id="out">Show all</button></p>
<p id="said" role="status"></p><div id="graph"></div>
<script>
const root = @DATA@, graph = document.getElementById("graph"), said = document.getElementById("said");
const find = document.getElementById("find"), ROW = 18;
let top_ = [root];
function colour(name) {
  let n = 0;
  for (const c of name) n = (n * 31 + c.codePointAt(0)) % 9973;
  return `hsl(${n % 50},${60 + n % 25}%,${58 + n % 12}%)`;
}
function tell(frame) {
  said.textContent = `${frame[0]}: ${frame[1]} samples (${(100 * frame[1] / root[1]).toFixed(2)} %), `
    + `${frame[2]} of them its own`;
}
function draw() {
  graph.replaceChildren();
  const shown = top_[top_.length - 1], wanted = find.value.toLowerCase(), boxes = [];
  let rows = top_.length - 1, found = 0;
  (function place(frame, left, width, depth) {
    if (width < 0.0005) return;
    rows = Math.max(rows, depth);
    boxes.push([frame, left, width, depth]);
    for (const child of frame[3]) {
      const wide = width * child[1] / Math.max(frame[1], 1);
      place(child, left, wide, depth + 1);
      left += wide;
    }
  })(shown, 0, 1, top_.length - 1);
  top_.slice(0, -1).forEach((frame, depth) => boxes.push([frame, 0, 1, depth]));
  for (const [frame, left, width, depth] of boxes) {
    const box = document.createElement("button");
    box.textContent = box.title = frame[0];
    box.style.cssText = `left:${100 * left}%;width:calc(${100 * width}% - 1px);top:${(rows - depth) * ROW}px;`
      + `background:${colour(frame[0])}`;
    if (wanted && frame[0].toLowerCase().includes(wanted)) { box.className = "found"; found += frame[2]; }
    box.onmouseenter = box.onfocus = () => tell(frame);
    box.onclick = () => {
      const path = [];
      (function seek(at) {
        path.push(at);
        if (at === frame || at[3].some(seek)) return true;
        path.pop();
        return false;
      })(root);
      top_ = path;
      draw();
    };
    graph.append(box);
  }
  graph.style.height = (rows + 1) * ROW + "px";
  if (wanted) said.textContent = `${found} samples in functions that match`;
}
find.oninput = draw;
document.getElementById("out").onclick = () => { top_ = [root]; draw(); };
draw();
tell(root);
</script></html>
"""
