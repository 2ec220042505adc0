"""The report's page as a browser lays it out: the real figures, in Chromium, where it is installed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from films import read_films
from report import join
from report_page import page
from summarise import summarise

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (apt-get install chromium)")

# Runs after the page in a copy of it, and leaves what it measured where --dump-dom shows it.
PROBE = """<script>
const boxes = selector => [...document.querySelectorAll(selector)].map(e => e.getBoundingClientRect());
document.body.dataset.measured = JSON.stringify({
  title: document.title,
  bars: boxes('svg[aria-labelledby^=decades] .bar').map(b => b.height),
  genreBars: boxes('svg[aria-labelledby^=genres] .bar').map(b => b.width),
  labels: boxes('svg text').filter(b => b.width > 0).length,
  rows: document.querySelectorAll('tbody tr').length,
  barColour: getComputedStyle(document.querySelector('.bar')).fill,
  paper: getComputedStyle(document.body).backgroundColor,
  overflow: document.documentElement.scrollWidth - innerWidth,
});
</script>"""


@pytest.fixture(scope="module")
def html(archive_csv: bytes) -> str:
    films = read_films(archive_csv, "movies.csv")
    split = {"archive": "movie-ratings/movies.zip", "table": "movie-ratings-r1", "films": len(films)}
    by_decade, by_genre = summarise(films, "decade"), summarise(films, "genre")
    report = {"run": "r1", **join(split, by_decade, by_genre, {"films_counted": len(films)})}
    return page(report)


def measured(html: str, folder: Path, *flags: str) -> dict[str, Any]:
    """Render the page with the probe in it, and return what the probe measured."""
    copy = folder / "report.html"
    copy.write_text(html.replace("</body>", PROBE + "</body>"), encoding="utf-8")
    done = subprocess.run(
        [
            str(CHROMIUM),
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            f"--user-data-dir={folder / 'profile'}",
            *flags,
            "--dump-dom",
            copy.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    found = re.search(r'data-measured="([^"]*)"', done.stdout)
    assert found, f"the page did not run: {done.stderr[-2000:]}"
    measurements: dict[str, Any] = json.loads(unescape(found.group(1)))
    return measurements


def test_the_bars_of_the_charts_are_as_long_as_their_figures(html: str, tmp_path: Path) -> None:
    seen = measured(html, tmp_path, "--window-size=1200,1600")
    assert seen["title"] == "Movie ratings, 1893 to 2005"
    assert len(seen["bars"]) == 12
    assert len(seen["genreBars"]) == 8
    assert seen["bars"][11] / seen["bars"][10] == pytest.approx(10789 / 12788, rel=0.01)
    assert seen["genreBars"][1] / seen["genreBars"][0] == pytest.approx(17271 / 21811, rel=0.01)
    assert seen["rows"] == 20
    assert seen["labels"] >= 2 * 20


@pytest.mark.parametrize("width", [500, 1200])
def test_the_page_never_scrolls_sideways(width: int, html: str, tmp_path: Path) -> None:
    assert measured(html, tmp_path, f"--window-size={width},1600")["overflow"] <= 0


def test_light_and_dark_differ_in_paper_and_bars(html: str, tmp_path: Path) -> None:
    (tmp_path / "light").mkdir()
    (tmp_path / "dark").mkdir()
    light = measured(html, tmp_path / "light", "--blink-settings=preferredColorScheme=1")
    dark = measured(html, tmp_path / "dark", "--blink-settings=preferredColorScheme=0")
    assert light["paper"] == "rgb(246, 245, 241)"
    assert dark["paper"] == "rgb(18, 21, 24)"
    assert light["barColour"] != dark["barColour"]
