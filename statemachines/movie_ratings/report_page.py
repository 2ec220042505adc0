"""The report as one HTML page: text in, text out, nothing fetched from anywhere.

Owns the page's words and its style. The charts are drawn in report_charts.py, the figures come from report.py.
"""

from html import escape
from typing import Any

from films import NO_GENRE
from report_charts import decade_chart, genre_chart

STYLE = """
:root { color-scheme: light dark; --paper: #f6f5f1; --card: #fff; --ink: #1c2126; --soft: #5b6470;
  --line: #e4e1d9; --films: #3563c9; --rating: #b5531f; --good: #1f7a4d; }
@media (prefers-color-scheme: dark) { :root { --paper: #121518; --card: #1b1f24; --ink: #e9e7e2;
  --soft: #9ea7b2; --line: #2e343b; --films: #7fa3f7; --rating: #e8a078; --good: #6fcf9a; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 960px; margin: 0 auto; padding: 48px 24px 32px; }
h1 { font-size: 40px; line-height: 1.1; letter-spacing: -0.02em; margin: 0 0 12px; text-wrap: balance; }
h2 { font-size: 22px; line-height: 1.25; letter-spacing: -0.01em; margin: 0 0 4px; }
.lead { font-size: 18px; color: var(--soft); margin: 0 0 28px; max-width: 62ch; text-wrap: balance; }
.note { color: var(--soft); margin: 0 0 20px; max-width: 76ch; text-wrap: pretty; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(180px, 1fr)); gap: 12px; margin: 0 0 24px; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 14px 18px; }
.tile dt { color: var(--soft); font-size: 14px; }
.tile dd { margin: 0; font-size: 26px; font-weight: 650; letter-spacing: -0.01em; }
.tile dd small { display: block; font-size: 13px; font-weight: 400; letter-spacing: 0; color: var(--soft); }
.tile.good dd { color: var(--good); }
section { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 24px;
  margin: 0 0 24px; }
.wide { overflow-x: auto; }
svg { display: block; width: 100%; min-width: 620px; height: auto; font: inherit; }
svg text { fill: var(--soft); font-size: 13px; }
svg .name, svg .head { fill: var(--ink); }
svg .backed { paint-order: stroke; stroke: var(--card); stroke-width: 6px; }
svg .head { font-weight: 600; }
svg .bar { fill: var(--films); }
svg .dot { fill: var(--rating); }
svg .trend { fill: none; stroke: var(--rating); stroke-width: 2; stroke-linejoin: round; }
svg .rule { stroke: var(--line); stroke-width: 1; }
table { border-collapse: collapse; width: 100%; min-width: 780px; margin-top: 24px; font-size: 14px; }
caption { text-align: left; color: var(--soft); padding-bottom: 6px; }
th, td { padding: 7px 12px 7px 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
thead th { color: var(--soft); font-weight: 500; vertical-align: bottom; }
tbody th { font-weight: 600; white-space: nowrap; }
tbody tr:last-child > * { border-bottom: 0; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.number + td, .number + th:not(.number) { padding-left: 12px; }
td small { color: var(--soft); font-size: inherit; white-space: nowrap; }
footer { color: var(--soft); font-size: 14px; }
footer code { font-size: 13px; overflow-wrap: anywhere; }
@media (max-width: 600px) { main { padding: 28px 14px; } section { padding: 18px 14px; } h1 { font-size: 32px; } }
"""


def page(report: dict[str, Any]) -> str:
    """The whole page for a report as report.py builds it."""
    overall = report["overall"]
    title = f"Movie ratings, {overall['first_year']} to {overall['last_year']}"
    lead = (
        f"{overall['films']:,} films and what {overall['votes']:,} votes say about them, "
        "by decade and by genre. Ratings go from 1 to 10."
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<h1>{escape(title)}</h1>
<p class="lead">{escape(lead)}</p>
{_tiles(report)}
{_decades(report["by_decade"])}
{_genres(report["by_genre"])}
<footer>Run <code>{escape(report["run"])}</code> imported these films from
<code>{escape(report["archive"])}</code> into the table <code>{escape(report["table"])}</code>.</footer>
</main>
</body>
</html>
"""


def _tiles(report: dict[str, Any]) -> str:
    overall = report["overall"]
    favourite = overall["most_voted"]
    tiles = [
        ("", "Films", f"{overall['films']:,}", f"the median length is {overall['median_length_minutes']:.0f} minutes"),
        (
            "",
            "Mean rating",
            f"{overall['mean_rating']:.2f}",
            f"{overall['rating_by_votes']:.2f} if every vote counts once",
        ),
        ("", "Most votes", f"{favourite['votes']:,}", f"{favourite['title']} ({favourite['year']})"),
        (" good", "Counted in the table", f"{report['films_counted']:,}", "as many as in the archive"),
    ]
    cells = "".join(
        f'<div class="tile{kind}"><dt>{escape(name)}</dt><dd>{escape(value)}<small>{escape(note)}</small></dd></div>'
        for kind, name, value, note in tiles
    )
    return f'<dl class="tiles">{cells}</dl>'


def _decades(groups: list[dict[str, Any]]) -> str:
    most = max(groups, key=lambda group: group["films"])
    share = most["films"] / sum(group["films"] for group in groups)
    return _section(
        heading=f"The {most['name']} hold the most films",
        note=f"{most['films']:,} of the films, {share:.0%} of all, are of that decade. {_extremes(groups)}",
        chart=decade_chart(groups),
        table=_table("Decade", groups),
    )


def _genres(groups: list[dict[str, Any]]) -> str:
    # Films without a genre may well be the largest group, but they are no genre.
    named = [group for group in groups if group["name"] != NO_GENRE] or groups
    most = max(named, key=lambda group: group["films"])
    return _section(
        heading=f"{most['name']} is the largest genre",
        note=f"A film may have several genres and counts in each of them. {_extremes(groups)}",
        chart=genre_chart(groups),
        table=_table("Genre", groups),
    )


def _extremes(groups: list[dict[str, Any]]) -> str:
    low = min(groups, key=lambda group: group["mean_rating"])
    high = max(groups, key=lambda group: group["mean_rating"])
    return (
        f"Mean ratings go from {low['mean_rating']:.2f} ({low['name']}) to {high['mean_rating']:.2f} ({high['name']})."
    )


def _section(heading: str, note: str, chart: str, table: str) -> str:
    return f"""<section>
<h2>{escape(heading)}</h2>
<p class="note">{escape(note)}</p>
<div class="wide" role="region" aria-label="Chart" tabindex="0">{chart}</div>
<div class="wide" role="region" aria-label="Table" tabindex="0">{table}</div>
</section>"""


def _table(what: str, groups: list[dict[str, Any]]) -> str:
    rows = "".join(_row(group) for group in groups)
    numbers = "".join(
        f'<th scope="col" class="number">{name}</th>'
        for name in ("Films", "Votes", "Mean rating", "Rating by votes", "Median minutes")
    )
    return f"""<table>
<caption>The mean rating counts every film once, the rating by votes every vote once.</caption>
<thead><tr><th scope="col">{escape(what)}</th>{numbers}<th scope="col">Most voted film</th></tr></thead>
<tbody>{rows}</tbody>
</table>"""


def _row(group: dict[str, Any]) -> str:
    favourite = group["most_voted"]
    numbers = [
        f"{group['films']:,}",
        f"{group['votes']:,}",
        f"{group['mean_rating']:.2f}",
        f"{group['rating_by_votes']:.2f}",
        f"{group['median_length_minutes']:.0f}",
    ]
    cells = "".join(f'<td class="number">{number}</td>' for number in numbers)
    film = f"{escape(favourite['title'])} <small>({favourite['year']})</small>"
    return f'<tr><th scope="row">{escape(group["name"])}</th>{cells}<td>{film}</td></tr>\n'
