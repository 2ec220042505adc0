"""Join both statistics and the check into the report: report.json for programs, report.html for people."""

from typing import Any

from report_page import page
from run_folder import RunFolder, arguments, run_script, say


def join(
    split: dict[str, Any], by_decade: dict[str, Any], by_genre: dict[str, Any], check: dict[str, Any]
) -> dict[str, Any]:
    """The report's figures, as report.json holds them but for the run's id."""
    return {
        "archive": split["archive"],
        "table": split["table"],
        "films_counted": check["films_counted"],
        "overall": by_decade["overall"],
        "by_decade": by_decade["groups"],
        "by_genre": by_genre["groups"],
    }


def main() -> None:
    options = arguments("Write the report of a run.").parse_args()
    folder = RunFolder(options.bucket, options.run)
    report = {
        "run": options.run,
        **join(
            folder.read_json("split.json"),
            folder.read_json("statistics/decade.json"),
            folder.read_json("statistics/genre.json"),
            folder.read_json("check.json"),
        ),
    }
    folder.write_json("report.json", report)
    folder.write("report.html", page(report).encode("utf-8"), "text/html; charset=utf-8")
    overall, favourite = report["overall"], report["overall"]["most_voted"]
    say(f"{overall['films']:,} films, {overall['votes']:,} votes, mean rating {overall['mean_rating']:.2f}")
    say(f"most voted: {favourite['title']} ({favourite['year']}), {favourite['votes']:,} votes")
    say(f"wrote {folder.uri('report.json')} and {folder.uri('report.html')}")


if __name__ == "__main__":
    run_script(main)
