"""Charts as plotly's own JSON: lists of rounded numbers, texts that hold no markup.

Plotly's Python library makes each kind of chart once and checks it; what differs from
model to model is filled in as plain data, since a thousand models have many charts.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from diffbench.errors import printable
from diffbench.metrics import FloatArray
from diffbench.site.render import rounded

__all__ = ["Chart", "curve_frame", "dumbbell_chart", "plain", "sorted_curve"]

_ROW_HEIGHT = 26
_MARGINS = 90
_MOST_POINTS = 150


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A figure for the page's script, and its height in pixels.

    A figure without layout has that of the page's frame, and each of its traces the style
    of the frame's trace of the same `meta`.
    """

    spec: dict[str, Any]
    height: int


def plain(text: str, limit: int = 60) -> str:
    """Return text that plotly shows as it is, though it reads tags and entities."""
    return html.escape(printable(text, limit), quote=False)


def dumbbell_chart(
    pairs: Sequence[tuple[str, float | None, float]],
) -> Chart:
    """Draw before and after of each row, the first row on top.

    Args:
        pairs: Label, value before (None for a base model itself) and value.
    """
    labels = [plain(label, 36) for label, _, _ in pairs]
    rows = list(range(len(pairs)))
    lines_x: list[float | None] = []
    lines_y: list[int | None] = []
    for row, (_, before, after) in zip(rows, pairs, strict=True):
        if before is not None:
            lines_x += [rounded(before), rounded(after), None]
            lines_y += [row, row, None]
    figure = _dumbbell_frame()
    change, base, tuned = (dict(trace) for trace in figure["data"])
    change |= {"x": lines_x, "y": lines_y}
    starts = [(a if b is None else b, row) for row, (_, b, a) in enumerate(pairs)]
    ends = [(a, row) for row, (_, b, a) in enumerate(pairs) if b is not None]
    base |= {"x": [rounded(x) for x, _ in starts], "y": [row for _, row in starts]}
    tuned |= {"x": [rounded(x) for x, _ in ends], "y": [row for _, row in ends]}
    height = _MARGINS + _ROW_HEIGHT * max(2, len(pairs))
    axis = {"tickvals": rows, "ticktext": labels, "range": [len(pairs) - 0.5, -0.5]}
    layout = figure["layout"]
    layout = layout | {"yaxis": layout["yaxis"] | axis, "height": height}
    return Chart(spec={"data": [change, base, tuned], "layout": layout}, height=height)


def sorted_curve(target: FloatArray, curves: Sequence[tuple[str, FloatArray]]) -> Chart:
    """Draw each distribution's probabilities, largest first, on a log axis.

    Args:
        target: Shape (K,).
        curves: Label and probabilities, (K,), of at most two models.
    """
    traces: list[dict[str, Any]] = [{"meta": "asked"} | _curve(target)]
    for meta, (label, q) in zip(("base", "tuned")[-len(curves) :], curves, strict=True):
        traces.append({"meta": meta, "name": plain(label, 40)} | _curve(q))
    return Chart(spec={"data": traces}, height=260)


def _curve(q: FloatArray) -> dict[str, Any]:
    ordered = sorted((float(value) for value in q), reverse=True)
    if ordered[0] == ordered[-1] > 0:
        return {"x": [1, len(ordered)], "y": [rounded(ordered[0], 4)] * 2}
    ranks = _some_ranks(len(ordered))
    # A log axis has no zero: what is never drawn ends the curve.
    shown = [rank for rank in ranks if ordered[rank - 1] > 0]
    y = [rounded(ordered[rank - 1], 4) for rank in shown]
    return {"y": y} if len(ranks) == len(ordered) else {"x": shown, "y": y}


def _some_ranks(n: int) -> list[int]:
    """Return all ranks from 1, or where there are many, ever fewer of them."""
    if n <= _MOST_POINTS:
        return list(range(1, n + 1))
    step = n ** (1 / (_MOST_POINTS - 1))
    return sorted({min(n, max(1, round(step**i))) for i in range(_MOST_POINTS)} | {n})


@cache
def _dumbbell_frame() -> dict[str, Any]:
    from plotly import graph_objects as go

    hover = "%{x:.3f}<extra></extra>"
    figure = go.Figure(
        data=[
            go.Scatter(
                mode="lines",
                name="change",
                meta="change",
                line={"width": 2},
                hoverinfo="skip",
            ),
            go.Scatter(
                mode="markers",
                name="base",
                meta="base",
                marker={"symbol": "circle-open", "size": 10, "line": {"width": 2}},
                hovertemplate=hover,
            ),
            go.Scatter(
                mode="markers",
                name="tuned",
                meta="tuned",
                marker={"size": 10},
                hovertemplate=hover,
            ),
        ],
        layout=_layout(
            xaxis={"range": [0, 1], "title": {"text": "overlap"}},
            yaxis={"automargin": True},
            margin={"l": 8, "r": 16, "t": 32, "b": 48},
        ),
    )
    return _frame(figure)


@cache
def curve_frame() -> dict[str, Any]:
    """Return the layout and the style of all sorted curves, which a page states once."""
    from plotly import graph_objects as go

    hover = "rank %{x}: %{y:.3%}"
    figure = go.Figure(
        data=[
            go.Scatter(mode="lines", name="asked", meta="asked", line={"dash": "dot"}),
            go.Scatter(mode="lines+markers", meta="base", marker={"size": 4}),
            go.Scatter(mode="lines+markers", meta="tuned", marker={"size": 4}),
        ],
        layout=_layout(
            xaxis={
                "title": {"text": "outcomes, most probable first"},
                "rangemode": "tozero",
            },
            yaxis={
                "type": "log",
                "title": {"text": "probability"},
                "exponentformat": "power",
                "dtick": 1,
            },
            margin={"l": 64, "r": 12, "t": 8, "b": 44},
        ),
    )
    figure.update_traces(hovertemplate=hover, x0=1, dx=1)
    return _frame(figure)


def _frame(figure: Any) -> dict[str, Any]:
    frame = dict(figure.to_plotly_json())
    # Plotly's own template is larger than the data, and the page has its own colours.
    layout = {key: value for key, value in frame["layout"].items() if key != "template"}
    return {"data": list(frame["data"]), "layout": layout}


def _layout(**fields: Any) -> dict[str, Any]:
    """Return what all layouts share."""
    return {
        "template": "none",
        "showlegend": True,
        "legend": {"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0},
        "hovermode": "closest",
        "dragmode": False,
        **fields,
    }
