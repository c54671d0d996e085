"""Charts as SVG: pure functions from values to markup, drawn to be read on a phone, too.

No script and no style is in them, only classes of ``console.css``: so they follow light and
dark, and the pages' policy lets them pass. A chart has a title and a description for whoever
cannot see it, and each mark the words of its value.
"""

from collections.abc import Callable, Sequence
from typing import Final

import attrs
from markupsafe import Markup, escape

WIDTH: Final = 360
"""Of the drawing, in its own units: about the pixels that a chart gets, so that text is legible."""
HEIGHT: Final = 170
LEFT: Final = 46
RIGHT: Final = 352
TOP: Final = 14
BOTTOM: Final = 146
ROW: Final = 34
"""Height of a row of ``ranking``."""
_GAP: Final = 4
"""A fifth at most of a column's place stays empty: one part in so many."""
_LABELS_MAXIMUM: Final = 5
_ALL_LABELLED: Final = 6
"""So many points each have a label: a day's is as wide as a seventh of the axis."""

Format = Callable[[int], str]


@attrs.frozen(kw_only=True)
class Point:
    """A value with its label; ``said`` is the whole of it in words. None: there is no value."""

    label: str
    value: int | None
    said: str


@attrs.frozen(kw_only=True)
class Line:
    """A threshold that is drawn across."""

    label: str
    value: int


@attrs.frozen(kw_only=True)
class Words:
    """What a chart is called. ``key`` is unique on its page."""

    key: str
    title: str
    description: str


def compact(value: int) -> str:
    """Write a count in few characters: 950, 1.2k, 34M."""
    for factor, unit in ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k")):
        if abs(value) >= factor:
            tenths = value * 10 // factor
            whole, rest = divmod(tenths, 10)
            return f"{whole}{unit}" if whole >= 10 or not rest else f"{whole}.{rest}{unit}"
    return str(value)


def ceiling(value: int) -> int:
    """Return the next 1, 2 or 5 of a power of ten, at least 1: where an axis ends."""
    power = 1
    while True:
        for factor in (1, 2, 5):
            if factor * power >= value:
                return factor * power
        power *= 10


def columns(
    words: Words,
    points: Sequence[Point],
    *,
    lines: Sequence[Line] = (),
    show: Format = compact,
) -> Markup:
    """Return a chart of upright columns on one axis that begins at nothing."""
    if not any(point.value for point in points) and not lines:
        return _nothing(words)
    top = ceiling(max([point.value or 0 for point in points] + [line.value for line in lines]))
    place = (RIGHT - LEFT) / len(points) if points else 0
    marks = [_grid(top, show)]
    for index, point in enumerate(points):
        height = _height(point.value or 0, top)
        width = min(place * (_GAP - 1) / _GAP, 40)
        x = LEFT + place * index + (place - width) / 2
        marks.append(
            _mark(
                'rect class="chart-bar" x="{}" y="{}" width="{}" height="{}"',
                point.said,
                x,
                BOTTOM - height,
                width,
                height,
            )
        )
    marks += [_labels(points, place), *(_across(line, top) for line in lines)]
    return _chart(words, HEIGHT, marks)


def trend(
    words: Words, points: Sequence[Point], *, top: int, show: Format, bottom: int = 0
) -> Markup:
    """Return a chart of points joined by a line, from ``bottom`` to ``top``.

    Where there is no value the line is interrupted.
    """
    if all(point.value is None for point in points):
        return _nothing(words)
    place = (RIGHT - LEFT) / len(points)
    marks, run = [_grid(top, show, bottom)], list[tuple[float, float]]()
    dots = []
    for index, point in enumerate(points):
        if point.value is None:
            marks += _joined(run)
            run = []
            continue
        x = LEFT + place * (index + 0.5)
        y = BOTTOM - _height(max(point.value - bottom, 0), top - bottom)
        run.append((x, y))
        dots.append(_mark('circle class="chart-dot" cx="{}" cy="{}" r="2.6"', point.said, x, y))
    marks += [*_joined(run), *dots, _labels(points, place)]
    return _chart(words, HEIGHT, marks)


def ranking(words: Words, points: Sequence[Point], *, show: Format = compact) -> Markup:
    """Return a chart of lying bars, a row to each, with its label and value above it."""
    if not any(point.value for point in points):
        return _nothing(words)
    top = max(point.value or 0 for point in points)
    marks = []
    for index, point in enumerate(points):
        y = index * ROW
        width = max(_share(point.value or 0, top, WIDTH), 1)
        marks.append(
            Markup(
                '<text class="chart-text" x="0" y="{}">{}</text>'
                '<text class="chart-text chart-strong" x="{}" y="{}" text-anchor="end">{}</text>'
            ).format(y + 14, point.label, WIDTH, y + 14, show(point.value or 0))
        )
        marks.append(
            Markup('<rect class="chart-track" x="0" y="{}" width="{}" height="7" rx="3"/>').format(
                y + 20, WIDTH
            )
        )
        marks.append(
            _mark(
                'rect class="chart-bar" x="0" y="{}" width="{}" height="7" rx="3"',
                point.said,
                y + 20,
                width,
            )
        )
    return _chart(words, len(points) * ROW, marks)


# --- parts ------------------------------------------------------------------------------------


def _share(value: int, whole: int, length: int) -> float:
    """Return how long ``value`` is where ``whole`` is as long as ``length``.

    The division is of whole numbers, so that no value is too large for it.
    """
    return value * length * 10 // whole / 10


def _height(value: int, top: int) -> float:
    return _share(min(value, top), top, BOTTOM - TOP)


def _number(value: float | str) -> str | Markup:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else escape(value)


def _mark(shape: str, said: str, *numbers: float) -> Markup:
    """Return a shape that says its value."""
    name = shape.split(" ", 1)[0]
    placed = shape.format(*map(_number, numbers))
    return Markup("<{}><title>{}</title></{}>").format(Markup(placed), said, Markup(name))  # noqa: S704 - the shapes are ours


def _grid(top: int, show: Format, bottom: int = 0) -> Markup:
    middle = bottom + (top - bottom) // 2
    values = [bottom, middle, top] if bottom < middle < top else [bottom, top]
    parts = []
    for value in values:
        y = BOTTOM - _height(value - bottom, top - bottom)
        parts.append(
            Markup(
                '<line class="chart-grid" x1="{}" y1="{}" x2="{}" y2="{}"/>'
                '<text class="chart-text" x="{}" y="{}" text-anchor="end">{}</text>'
            ).format(LEFT, _number(y), RIGHT, _number(y), LEFT - 6, _number(y + 4), show(value))
        )
    return Markup("").join(parts)


def _labels(points: Sequence[Point], place: float) -> Markup:
    """Return as many labels as are legible beside one another, the last among them."""
    every = 1 if len(points) <= _ALL_LABELLED else -(-len(points) // _LABELS_MAXIMUM)
    last = len(points) - 1
    shown = [index for index in range(len(points)) if (last - index) % every == 0]
    return Markup("").join(
        Markup('<text class="chart-text" x="{}" y="{}" text-anchor="middle">{}</text>').format(
            _number(min(LEFT + place * (index + 0.5), RIGHT - 14.0)),
            BOTTOM + 17,
            points[index].label,
        )
        for index in shown
    )


def _across(line: Line, top: int) -> Markup:
    y = BOTTOM - _height(line.value, top)
    return Markup(
        '<line class="chart-limit" x1="{}" y1="{}" x2="{}" y2="{}"/>'
        '<text class="chart-text chart-limit-text" x="{}" y="{}" text-anchor="end">{}</text>'
    ).format(LEFT, _number(y), RIGHT, _number(y), RIGHT, _number(y - 4), line.label)


def _joined(run: Sequence[tuple[float, float]]) -> list[Markup]:
    if len(run) < 2:
        return []
    points = " ".join(f"{_number(x)},{_number(y)}" for x, y in run)
    return [Markup('<polyline class="chart-line" points="{}"/>').format(points)]


def _chart(words: Words, height: int, marks: Sequence[Markup]) -> Markup:
    return Markup(
        '<svg class="chart" role="img" viewBox="0 0 {width} {height}" '
        'aria-labelledby="{key}-title {key}-desc"><title id="{key}-title">{title}</title>'
        '<desc id="{key}-desc">{description}</desc>{marks}</svg>'
    ).format(
        width=WIDTH,
        height=height,
        key=words.key,
        title=words.title,
        description=words.description,
        marks=Markup("").join(marks),
    )


def _nothing(words: Words) -> Markup:
    return Markup('<p class="empty">{}: nothing in this period.</p>').format(words.title)
