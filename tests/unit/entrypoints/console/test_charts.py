"""Charts: what is drawn of which values."""

from collections.abc import Sequence
from xml.etree import ElementTree

import pytest
from markupsafe import Markup

from markethub.entrypoints.console.charts import (
    BOTTOM,
    TOP,
    WIDTH,
    Line,
    Point,
    Words,
    ceiling,
    columns,
    compact,
    ranking,
    trend,
)

WORDS = Words(key="k", title="Volume", description="By day.")
FULL = BOTTOM - TOP


def points(*values: int | None) -> list[Point]:
    return [
        Point(label=f"d{index}", value=value, said=f"d{index}: {value}")
        for index, value in enumerate(values)
    ]


def drawn(chart: Markup, shape: str, css: str = "") -> Sequence[ElementTree.Element]:
    # Our own markup, just made: nothing that an attacker could have written.
    root = ElementTree.fromstring(str(chart))  # noqa: S314
    return [each for each in root.iter(shape) if css in each.get("class", "").split() or not css]


def heights(chart: Markup) -> list[float]:
    return [float(each.get("height", "")) for each in drawn(chart, "rect", "chart-bar")]


def words(chart: Markup) -> list[str]:
    return [each.text or "" for each in drawn(chart, "text")]


def test_a_columns_height_is_its_share_of_the_axis() -> None:
    assert [FULL, FULL / 2, 0] == heights(columns(WORDS, points(100, 50, 0)))


def test_a_column_stands_on_the_axis() -> None:
    [bar] = drawn(columns(WORDS, points(40)), "rect", "chart-bar")

    assert BOTTOM == float(bar.get("y", "")) + float(bar.get("height", ""))


def test_each_mark_says_its_value_in_words() -> None:
    chart = columns(WORDS, points(1, 2))
    said = [each.findtext("title") for each in drawn(chart, "rect", "chart-bar")]

    assert ["d0: 1", "d1: 2"] == said


def test_a_chart_is_an_image_with_a_title_and_a_description() -> None:
    root = ElementTree.fromstring(str(columns(WORDS, points(1))))  # noqa: S314 - our own markup

    assert ("img", "k-title k-desc") == (root.get("role"), root.get("aria-labelledby"))
    assert ("Volume", "By day.") == (root.findtext("title"), root.findtext("desc"))
    assert ["k-title", "k-desc"] == [root[0].get("id"), root[1].get("id")]


@pytest.mark.parametrize("chart", [columns(WORDS, []), columns(WORDS, points(0, 0))])
def test_no_data_is_said_and_not_drawn(chart: Markup) -> None:
    assert '<p class="empty">Volume: nothing in this period.</p>' == chart


def test_a_threshold_is_drawn_at_its_value_even_above_all_columns() -> None:
    chart = columns(WORDS, points(10), lines=[Line(label="VAMP", value=150)])
    [line] = drawn(chart, "line", "chart-limit")

    assert 200 == ceiling(150)
    assert pytest.approx(BOTTOM - FULL * 150 / 200, abs=0.1) == float(line.get("y1", ""))
    assert "VAMP" in words(chart)


def test_a_threshold_is_drawn_even_where_there_is_nothing_to_compare() -> None:
    chart = columns(WORDS, points(None), lines=[Line(label="ECM", value=150)])

    assert 1 == len(drawn(chart, "line", "chart-limit"))


def test_the_largest_values_are_drawn_and_shown_in_few_characters() -> None:
    chart = columns(WORDS, points(10**30, 5 * 10**29))

    assert [FULL, FULL / 2] == heights(chart)
    assert [10**30] == [ceiling(10**30)]


def test_many_points_show_few_labels_with_the_last_among_them() -> None:
    labels = [word for word in words(columns(WORDS, points(*range(90)))) if word.startswith("d")]

    assert "d89" == labels[-1]
    assert 5 == len(labels)


def test_a_trend_is_interrupted_where_there_is_no_value() -> None:
    chart = trend(WORDS, points(1, 2, None, 3, 4, 5, None, 6), top=10, show=str)
    lines = [each.get("points", "").count(" ") + 1 for each in drawn(chart, "polyline")]

    assert [2, 3] == lines
    assert 6 == len(drawn(chart, "circle"))


def test_one_point_is_a_dot_without_a_line() -> None:
    chart = trend(WORDS, points(5), top=10, show=str)

    assert (1, 0) == (len(drawn(chart, "circle")), len(drawn(chart, "polyline")))
    assert pytest.approx((TOP + BOTTOM) / 2) == float(drawn(chart, "circle")[0].get("cy", ""))


def test_a_trend_without_any_value_is_not_drawn() -> None:
    assert 'class="empty"' in trend(WORDS, points(None, None), top=10, show=str)


def test_a_bar_of_a_ranking_is_as_long_as_its_share_of_the_longest() -> None:
    bars = drawn(ranking(WORDS, points(8, 4, 0)), "rect", "chart-bar")

    assert [WIDTH, WIDTH / 2, 1] == [float(each.get("width", "")) for each in bars]


def test_what_is_shown_is_escaped() -> None:
    nasty = "<script>alert(1)</script>"
    point = Point(label=nasty, value=1, said=nasty)
    named = Words(key="k", title=nasty, description=nasty)
    charts = [
        columns(named, [point], lines=[Line(label=nasty, value=1)]),
        trend(named, [point], top=1, show=str),
        ranking(named, [point]),
    ]

    assert [False, False, False] == ["<script" in chart for chart in charts]


def test_a_chart_holds_no_style_and_no_script_of_its_own() -> None:
    chart = columns(WORDS, points(3), lines=[Line(label="x", value=2)])

    assert [False, False, False] == [what in chart for what in ("style=", "<style", "onload")]


@pytest.mark.parametrize(
    ("value", "axis"), [(0, 1), (1, 1), (3, 5), (6, 10), (11, 20), (21, 50), (51, 100)]
)
def test_an_axis_ends_at_a_round_number(value: int, axis: int) -> None:
    assert axis == ceiling(value)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (999, "999"),
        (1_000, "1k"),
        (1_250, "1.2k"),
        (12_500, "12k"),
        (2_000_000, "2M"),
        (3_400_000_000, "3.4G"),
    ],
)
def test_a_number_is_shown_in_few_characters(value: int, shown: str) -> None:
    assert shown == compact(value)
