"""The report's two charts as SVG, drawn by hand from the figures.

Owns the geometry. Colours and type come from the page's style sheet, so that the charts follow the reader's choice
of light or dark. Every chart has a title and a description for those who hear the page.
"""

from html import escape
from typing import Any

Group = dict[str, Any]

WIDTH = 860
GENRE_ROW_HEIGHT = 34


def decade_chart(groups: list[Group]) -> str:
    """Columns of films above a line of mean ratings, one step a decade, both on one horizontal scale."""
    step = WIDTH / len(groups)
    highest = max(group["films"] for group in groups)
    low, high = _rating_range(groups)
    top, floor, rating_top, rating_floor = 46, 236, 322, 398
    marks: list[str] = [_head(0, 16, "Films"), _head(0, 300, "Mean rating")]
    points: list[tuple[float, float]] = []
    for position, group in enumerate(groups):
        middle = step * (position + 0.5)
        height = (floor - top) * group["films"] / highest
        rating_y = rating_floor - (rating_floor - rating_top) * (group["mean_rating"] - low) / (high - low)
        points.append((middle, rating_y))
        marks.append(_bar(middle - step * 0.34, floor - height, step * 0.68, height, group))
        marks.append(_text(middle, floor - height - 7, f"{group['films']:,}", "middle"))
        marks.append(_text(middle, floor + 20, group["name"], "middle", "name"))
    marks.append(f'<line class="rule" x1="0" x2="{WIDTH}" y1="{floor}" y2="{floor}"/>')
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    marks.append(f'<polyline class="trend" points="{line}"/>')
    for (x, y), group in zip(points, groups, strict=True):
        marks.append(_dot(x, y, group))
        marks.append(_text(x, y - 11, f"{group['mean_rating']:.2f}", "middle"))
    return _svg("decades", "Films and mean rating by decade", _described(groups), 404, marks)


def genre_chart(groups: list[Group]) -> str:
    """A row a genre: a bar of films on the left, a dot of the mean rating on the right."""
    names_end, bars_end, ratings_start, ratings_end = 110, 500, 620, WIDTH - 50
    highest = max(group["films"] for group in groups)
    low, high = _rating_range(groups)
    height = 34 + GENRE_ROW_HEIGHT * len(groups)
    marks = [_head(names_end, 16, "Films"), _head(ratings_start, 16, "Mean rating")]
    for position, group in enumerate(groups):
        middle = 34 + GENRE_ROW_HEIGHT * (position + 0.5)
        length = (bars_end - names_end) * group["films"] / highest
        x = ratings_start + (ratings_end - ratings_start) * (group["mean_rating"] - low) / (high - low)
        marks.append(_text(names_end - 12, middle + 4.5, group["name"], "end", "name"))
        marks.append(_bar(names_end, middle - 11, length, 22, group))
        marks.append(_text(names_end + length + 8, middle + 4.5, f"{group['films']:,}", "start"))
        marks.append(
            f'<line class="rule" x1="{ratings_start}" x2="{ratings_end}" y1="{middle:.1f}" y2="{middle:.1f}"/>'
        )
        marks.append(_dot(x, middle, group))
        marks.append(_text(x + 11, middle + 4.5, f"{group['mean_rating']:.2f}", "start", "backed"))
    return _svg("genres", "Films and mean rating by genre", _described(groups), height, marks)


def _rating_range(groups: list[Group]) -> tuple[float, float]:
    """From half a point below the lowest rating to half a point above the highest: dots need no zero."""
    ratings = [group["mean_rating"] for group in groups]
    return min(ratings) - 0.5, max(ratings) + 0.5


def _described(groups: list[Group]) -> str:
    return "; ".join(
        f"{group['name']}: {group['films']:,} films, mean rating {group['mean_rating']:.2f}" for group in groups
    )


def _svg(name: str, title: str, description: str, height: float, marks: list[str]) -> str:
    drawing = "\n".join(marks)
    return f"""<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-labelledby="{name}-title {name}-desc">
<title id="{name}-title">{escape(title)}</title>
<desc id="{name}-desc">{escape(description)}</desc>
{drawing}
</svg>"""


def _head(x: float, y: float, text: str) -> str:
    return _text(x, y, text, "start", "head")


def _text(x: float, y: float, text: str, anchor: str, kind: str = "value") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _bar(x: float, y: float, width: float, height: float, group: Group) -> str:
    return (
        f'<rect class="bar" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="2">'
        f"{_tip(group)}</rect>"
    )


def _dot(x: float, y: float, group: Group) -> str:
    return f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="5">{_tip(group)}</circle>'


def _tip(group: Group) -> str:
    """What a pointer resting on the mark shows."""
    return f"<title>{escape(_described([group]))}</title>"
