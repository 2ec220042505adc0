"""docs/reference/metrics.md: metrics, log fields and alarms, from their declaration and infra/observability.yaml."""

from __future__ import annotations

from chalicelib.core.telemetry.metrics import ABOUT, NAMESPACE, VALUES, Dimension, Figure, SweepFind, metrics_maximum
from docs.generate import templates
from docs.generate.markdown import codes, line, page, section

INTRO = f"""CloudWatch namespace `{NAMESPACE}`, dimension `stage`, and those named here; `alone` is the stage alone. \
They are written once, at the end of an invocation. `queue` is a job queue. A stage whose jobs are in one queue has \
at most {metrics_maximum(1)} metrics, and {metrics_maximum(2) - metrics_maximum(1)} more for each other queue."""
LOGS = """In Lambda a log line is one JSON object. Fields that are always there: `timestamp` `level` `message` \
`logger` `function` `request_id` `cold_start`. Where known:"""
KNOWN = """run_id epoch workflow task task_index attempt job_id queue state failure exit_code log_stream run_seconds \
exception"""
ALARMS = """All publish to the topic `batchwright-STAGE-alarms`. `deploy --parameter AlarmEmail=you@example.org` \
subscribes an address. Each alarm says in its description what is wrong and where to look."""


def make() -> str:
    return page(
        "Metrics, logs and alarms",
        "the declaration of the metrics and infra/observability.yaml",
        section("Metrics", INTRO, "\n".join(map(_figure, ABOUT))),
        section("Values of dimensions", "\n".join(_values()), "`kind` of `sweep_finds`:", _finds()),
        section("Log lines", LOGS, codes(KNOWN.split())),
        section("Alarms", ALARMS, codes(templates.alarms())),
    )


def _figure(figure: Figure) -> str:
    about = ABOUT[figure]
    by = [" ".join(combination) or "alone" for combination in about.told_by]
    return line(figure, about.sentence, "; ".join([about.unit.lower(), *([] if by == ["alone"] else [", ".join(by)])]))


def _values() -> list[str]:
    """The values of the dimensions; failure classes and kinds of notices have pages of their own."""
    elsewhere = (Dimension.FAILURE, Dimension.KIND)
    grouped: dict[tuple[Dimension, tuple[str, ...]], list[Figure]] = {}
    for (figure, dimension), values in VALUES.items():
        if dimension not in elsewhere:
            grouped.setdefault((dimension, values), []).append(figure)
    return [
        f"- `{dimension}` of {codes(figures)}: {', '.join(values)}." for (dimension, values), figures in grouped.items()
    ]


def _finds() -> str:
    return codes(SweepFind)
