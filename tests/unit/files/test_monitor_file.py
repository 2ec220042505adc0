"""Monitor files: every problem with its place, and which file is which."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchwright.files.monitor_file import MonitorFile, load_file, load_monitors
from batchwright.files.workflow_file import BadFile, WorkflowFile, load_workflow
from chalicelib.core.errors import InvalidMonitors
from chalicelib.core.monitor.check import check_monitors, monitor_mistakes
from chalicelib.core.monitor.file_model import RULE_MODELS, Monitor
from chalicelib.core.monitor.monitor import monitors_of

ROOT = Path(__file__).parents[3]
MISTAKES = """\
monitors:
  a:
    queues: []
    failed: {classes: [spott], excluding: [timeout]}
  b c:
    failed: true
  d:
    running_longer: {at_least_seconds: 60}
    nothing_ran: {by: "6:00", days: MOO, time_zone: Europe/Berln}
  e:
    running_longer: {than_seconds: 60, at_least_seconds: 60}
    waiting_longer: {than_seconds: "60"}
    failure_rate: {above: 20}
  f:
    queues: ["arn:aws:batch:eu-west-1:111122223333:job-queue/etl"]
    kinds: [foregn]
    faild: true
  g: {failed: 3, names: [a b]}
  h: {failure_rate: {above: 0.2, over_at: 0.3}}
"""
TOLD = """\
F:3:13: monitor 'a': queues must not be empty; leave it out for all
F:4:24: monitor 'a': failed.classes[0] must be one of cancelled, queue_time_limit, timeout, spot, out_of_memory, \
image_pull, image_missing, misconfigured, start_failure, dependency, application, refused, unknown, not 'spott'; \
did you mean 'spot'?
F:4:43: monitor 'a': failed.excluding is of no use beside classes; take one of them out
F:5:3: monitor 'b c': 'b c' is not a valid name; 1 to 64 letters, digits, '-', '_' and '.', the first a letter or a \
digit
F:8:21: monitor 'd': running_longer says no time; give than_seconds or than_p95_times
F:9:23: monitor 'd': nothing_ran.by must be a time of day, 00:00 to 23:55, not '6:00'; write '06:00'
F:9:37: monitor 'd': nothing_ran.days must be days of the week, not 'MOO'; write MON-FRI, 'MON,THU', 2#1 or '*'
F:9:53: monitor 'd': nothing_ran.time_zone must be an IANA time zone, not 'Europe/Berln'; did you mean 'Europe/Berlin'?
F:11:58: monitor 'e': running_longer.at_least_seconds is of no use without than_p95_times; take it out
F:12:36: monitor 'e': waiting_longer.than_seconds must be a number, not '60'; take the quotes away
F:13:27: monitor 'e': failure_rate.above must be 0.99 or less, not 20; 0.2 is one job in five
F:14:3: monitor 'f': says nothing about the jobs that it watches; give one of failed, running_longer, waiting_longer, \
failure_rate, nothing_ran
F:15:14: monitor 'f': queues[0] must be a name, not the ARN 'arn:aws:batch:eu-west-1:111122223333:job-queue/etl'; \
write 'etl'
F:16:13: monitor 'f': kinds[0] must be one of foreign, step_functions, own, single, array, multi_node, not 'foregn'; \
did you mean 'foreign'?
F:17:5: monitor 'f': faild is no key that is known here; did you mean 'failed'?
F:18:15: monitor 'g': failed must be a mapping, not the number 3; write true for all failures
F:18:26: monitor 'g': names[0] must be a name or a pattern of names, not 'a b'; letters, digits, '-' and '_', '*' for \
any of them, '?' for one
F:19:43: monitor 'h': failure_rate.over_at must be 0.2 or less, as above is, not 0.3; a rate is over once it has \
fallen to this
"""


def told(path: Path) -> str:
    with pytest.raises(BadFile) as refused:
        load_monitors(path)
    return "".join(f"{problem}\n" for problem in refused.value.problems).replace(str(path), "F")


def test_every_mistake_is_told_with_its_place_the_rule_the_value_and_a_suggestion(tmp_path: Path) -> None:
    path = tmp_path / "monitors.yaml"
    path.write_text(MISTAKES)
    assert told(path).splitlines() == sorted(TOLD.splitlines(), key=lambda line: [*map(int, line.split(":")[1:3])])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- a\n", "F:1:1: a monitor file must be a mapping, not a list\n"),
        ("monitor: {}\n", "monitor is no key that is known here; did you mean 'monitors'?\n"),
        ("monitors:\n", "F:1:10: monitors must be a mapping, not nothing; write {} for an empty one\n"),
        ("monitors: {a: {failed: true}, a: {failed: true}}\n", "the key 'a' stands here a second time"),
        ("", "F: the file is empty\n"),
        (
            "monitors:\n  t: null\n",
            "F:2:6: monitor 't': must be a mapping, not nothing; give one of failed, running_longer, waiting_longer, "
            "failure_rate, nothing_ran, such as {failed: true}\n",
        ),
        ("monitors: {t: {failed: yes}}\n", "failed must be a mapping, not the string 'yes'; write true\n"),
        ("monitors: {t: {failed: off}}\n", "failed must be a mapping, not the string 'off'; write false\n"),
        (
            "monitors: {t: {failed: {classes: [oom]}}}\n",
            "refused, unknown, not 'oom'; did you mean 'out_of_memory'?\n",
        ),
    ],
)
def test_a_file_of_another_shape_is_refused(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "monitors.yaml"
    path.write_text(text)
    assert expected in told(path)


def test_a_file_of_monitors_is_told_from_one_of_a_workflow(tmp_path: Path) -> None:
    path = tmp_path / "monitors.yaml"
    path.write_text("monitors: {}\n")
    assert load_file(path) == MonitorFile({"monitors": {}})
    with pytest.raises(BadFile, match=r"monitors\.yaml:1:1: this file holds monitors, and no workflow"):
        load_workflow(path)
    path.write_text("name: a\ntasks: {a: {job_definition: a, queue: a}}\n")
    assert isinstance(load_file(path), WorkflowFile)
    assert told(path) == (
        "F:2:1: this file holds a workflow, and no monitors; `batchwright validate` and `batchwright workflows push` "
        "take it\n"
    )


def test_more_monitors_than_a_stage_may_have_are_refused_at_once() -> None:
    (mistake,) = monitor_mistakes({"monitors": {f"m{n}": {"what": n} for n in range(100_000)}})
    assert mistake.text == "monitors must be 50 or less, not 100,000"
    with pytest.raises(InvalidMonitors, match="50 or less"):
        check_monitors({"monitors": {f"m{n}": {} for n in range(51)}})


def test_the_documented_examples_are_valid(tmp_path: Path) -> None:
    text = (ROOT / "docs/how-to/monitor-jobs.md").read_text()
    [example] = text.split("```yaml\n")[1:]
    path = tmp_path / "monitors.yaml"
    path.write_text(example.partition("```")[0])
    monitors_of(load_monitors(path).definition, {})


LEAVES = (
    st.none() | st.booleans() | st.integers(-1, 100_000) | st.sampled_from(["06:00", "a-*", "foreign", "spot", "*"])
)
KEYS = [*Monitor.model_fields, *(key for rule in RULE_MODELS.values() for key in rule.model_fields), "x"]
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3)
)


@settings(deadline=None, max_examples=300)
@given(st.dictionaries(st.sampled_from(["monitors", "x"]), st.dictionaries(st.text(max_size=3), VALUES, max_size=3)))
def test_whatever_is_written_is_refused_with_a_text_or_is_a_definition_the_functions_can_read(definition: Any) -> None:
    mistakes = monitor_mistakes(definition)
    if mistakes:
        assert all(mistake.text.strip() for mistake in mistakes)
    else:
        assert len(monitors_of(definition, {})) == len(definition["monitors"])
