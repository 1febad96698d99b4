"""Plots as SVG that need nothing but themselves and can be told apart in black and white.

Shades are told apart by pattern and by a legend; the numbers stand beside them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

Series = Mapping[str, Sequence[int]]

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 720, 230, 44, 42, 10
FILLS = ("#1b5e3f", "url(#stripes)", "url(#dots)", "#d9d9d9")
PATTERNS = Markup(
    '<svg class="patterns" width="0" height="0" aria-hidden="true"><defs>'
    '<pattern id="stripes" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect width="6" height="6" fill="#fff"/><rect width="3" height="6" fill="#b3261e"/></pattern>'
    '<pattern id="dots" width="6" height="6" patternUnits="userSpaceOnUse">'
    '<rect width="6" height="6" fill="#fff"/><circle cx="3" cy="3" r="1.6" fill="#8a6d00"/></pattern>'
    "</defs></svg>"
)


def stacked_bars(labels: Sequence[str], series: Series, *, title: str) -> Markup:
    """Draw one bar for each label, stacked by series from the bottom, with counts on the left axis."""
    highest = max((sum(column) for column in zip(*series.values(), strict=True)), default=0)
    scale = _Scale(highest)
    room = (WIDTH - LEFT) / max(len(labels), 1)
    marks = [scale.grid()]
    for place, label in enumerate(labels):
        x, y = LEFT + place * room, float(HEIGHT - BOTTOM)
        for fill, values in zip(FILLS, series.values(), strict=False):
            tall = scale.height(values[place])
            y -= tall
            marks.append(_box(x + room * 0.12, y, room * 0.76, tall, fill))
        marks.append(_label(place, len(labels), x + room / 2, label))
    return _drawing(marks, title)


def histogram(counts: Sequence[int], labels: Sequence[str], *, title: str) -> Markup:
    """Draw how many values fall between one edge and the next; the labels name each span."""
    return stacked_bars(labels, {"": counts}, title=title)


def shares(parts: Mapping[str, int], *, title: str) -> Markup:
    """Draw one long bar, divided as a whole is."""
    total = sum(parts.values()) or 1
    x, marks = 0.0, []
    for fill, value in zip(FILLS, parts.values(), strict=False):
        wide = WIDTH * value / total
        marks.append(_box(x, 2, wide, 30, fill))
        x += wide
    return _drawing(marks, title, height=34)


class _Scale:
    """Heights for counts, with an axis of round numbers."""

    def __init__(self, highest: int) -> None:
        step = next(step for step in _round_steps() if step * 5 >= highest)
        self._step, self._lines = step, max(-(-highest // step), 1)

    def height(self, value: int) -> float:
        return (HEIGHT - BOTTOM - TOP) * value / (self._step * self._lines)

    def grid(self) -> Markup:
        lines = []
        for place in range(self._lines + 1):
            y = HEIGHT - BOTTOM - self.height(self._step * place)
            line = Markup('<line x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}" class="grid"/>')
            text = Markup('<text x="{}" y="{:.1f}" text-anchor="end">{}</text>')
            lines += [line.format(LEFT, WIDTH, y, y), text.format(LEFT - 6, y + 4, self._step * place)]
        return Markup("").join(lines)


def _round_steps() -> Sequence[int]:
    return [digit * 10**power for power in range(12) for digit in (1, 2, 5)]


def _box(x: float, y: float, wide: float, tall: float, fill: str) -> Markup:
    if not wide or not tall:
        return Markup("")
    box = Markup('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" fill="{}" class="box"/>')
    return box.format(x, y, wide, tall, fill)


def _label(place: int, of: int, x: float, text: str) -> Markup:
    """Name a bar; among many only every so many, or they would lie on each other."""
    if place % -(-of // 12):
        return Markup("")
    return Markup('<text x="{:.1f}" y="{}" text-anchor="middle">{}</text>').format(x, HEIGHT - BOTTOM + 18, text)


def _drawing(marks: Sequence[Markup], title: str, height: int = HEIGHT - BOTTOM + 26) -> Markup:
    frame = Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>')
    return frame.format(WIDTH, height, title, Markup("").join(marks))
