"""A pattern of a name is one of the whole text: nothing may stand behind it, not even what nobody sees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jsonschema_rs
import pytest
from pydantic import ValidationError

from chalicelib.api import models
from chalicelib.api.http.parameters import Choice, Several, Text
from chalicelib.api.http.route_table import PATH_PARAMETERS, ROUTES
from chalicelib.core.definition import model as workflow
from chalicelib.core.definition.check import check_definition
from chalicelib.core.monitor import file_model as monitor
from chalicelib.core.monitor.check import monitor_mistakes
from chalicelib.core.tokens import is_token_id

TASK = {"job_definition": "jd", "queue": "q"}
UNSEEN = ["\n", "\r\n", "\r", "\t", "\x00", "\x0b", "\x1c", "\x85", "\u2028", " "]
"""What may stand behind a name without being seen; Python's `$` is fulfilled before the first of them."""
WORKFLOW_SCHEMA = jsonschema_rs.validator_for(workflow.json_schema())
MONITOR_SCHEMA = jsonschema_rs.validator_for(monitor.json_schema())


def of(**more: Any) -> dict[str, Any]:
    return {"name": "w", "tasks": {"t": TASK}, **more}


def of_task(**more: Any) -> dict[str, Any]:
    return of(tasks={"t": {**TASK, **more}})


PLACES: dict[str, Callable[[str], dict[str, Any]]] = {
    "workflow": lambda end: of(name="nightly" + end),
    "task": lambda end: of(tasks={"train" + end: TASK}),
    "param": lambda end: of(params={"p" + end: {"type": "string"}}),
    "schedule": lambda end: of(schedules={"s" + end: {"rate": "1 day"}}),
    "param of a schedule": lambda end: of(
        params={"p": {"type": "string"}}, schedules={"s": {"rate": "1 day", "params": {"p" + end: "x"}}}
    ),
    "rate": lambda end: of(schedules={"s": {"rate": "1 day" + end}}),
    "at": lambda end: of(schedules={"s": {"at": "2030-01-01" + end}}),
    "time zone": lambda end: of(schedules={"s": {"rate": "1 day", "time_zone": "Europe/Berlin" + end}}),
    "queue of notices": lambda end: of(notify={"queue": "batchwright-notices-me" + end}),
    "kind of notice": lambda end: of(notify={"on": ["run_failed" + end]}),
    "class of failure": lambda end: of_task(retry={"on": {"spot" + end: {"attempts": 2}}}),
    "job definition": lambda end: of_task(job_definition="jd:3" + end),
    "queue": lambda end: of_task(queue="q" + end),
    "trigger rule": lambda end: of_task(trigger_rule="all_done" + end),
    "a number's param": lambda end: {
        **of_task(memory_mib="${params.n}" + end),
        "params": {"n": {"type": "integer", "default": 512}},
    },
}
DESCRIBED = {"workflow", "task", "param", "schedule", "queue of notices", "kind of notice", "class of failure"}
"""Those whose form the JSON Schema tells."""
ENTRIES = ["environment", "parameters", "tags"]


@pytest.mark.parametrize("place", PLACES)
def test_a_name_is_taken_as_it_is(place: str) -> None:
    definition = PLACES[place]("")
    assert check_definition(definition).mistakes == []
    assert WORKFLOW_SCHEMA.is_valid(definition)


@pytest.mark.parametrize("end", UNSEEN, ids=ascii)
@pytest.mark.parametrize("place", PLACES)
def test_nothing_unseen_may_stand_behind_a_name(place: str, end: str) -> None:
    definition = PLACES[place](end)
    mistakes = check_definition(definition).mistakes
    assert mistakes
    assert all(len(mistake.line().splitlines()) == 1 for mistake in mistakes)
    assert place not in DESCRIBED or not WORKFLOW_SCHEMA.is_valid(definition)


@pytest.mark.parametrize("end", [one for one in UNSEEN if one not in (" ", "\u2028")], ids=ascii)
@pytest.mark.parametrize("field", ENTRIES)
def test_the_name_of_an_entry_has_no_control_characters(field: str, end: str) -> None:
    for name in (f"K{end}", f"K{end}Y"):
        definition = of_task(**{field: {name: "v"}})
        (mistake,) = check_definition(definition).mistakes
        assert f"task 't': {field} has U+00" in mistake.line()
        assert len(mistake.line().splitlines()) == 1
        assert not WORKFLOW_SCHEMA.is_valid(definition)
    assert check_definition(of_task(**{field: {"K Y": "v"}})).mistakes == []


@pytest.mark.parametrize("end", UNSEEN, ids=ascii)
def test_nothing_unseen_may_stand_behind_a_name_of_a_monitor_file(end: str) -> None:
    named = {"monitors": {"slow" + end: {"failed": True}}}
    watching = {"monitors": {"slow": {"queues": ["q*" + end], "failed": True}}}
    at_a_time = {"monitors": {"slow": {"queues": ["q"], "nothing_ran": {"by": "09:00" + end}}}}
    for definition in (named, watching, at_a_time):
        assert monitor_mistakes(definition)
        assert not MONITOR_SCHEMA.is_valid(definition)


@pytest.mark.parametrize("end", UNSEEN, ids=ascii)
def test_nothing_unseen_may_stand_behind_what_a_request_names(end: str) -> None:
    known = {"version": "1", "token_id": "0" * 16, "revision": "films:3"}
    texts = [one for one in PATH_PARAMETERS.values() if isinstance(one.form, Text)]
    texts += [one for route in ROUTES for one in route.query if isinstance(one.form, Text | Several)]
    assert texts
    for parameter in texts:
        item = parameter.form.item if isinstance(parameter.form, Several) else parameter.form
        good = next(iter(item.members)) if isinstance(item, Choice) else known.get(parameter.name, "abcdefgh")
        assert parameter.form.broken(good) is None, parameter.name
        assert parameter.form.broken(good + end), parameter.name
    assert not is_token_id("0" * 16 + end)
    with pytest.raises(ValidationError):
        models.StartRun(workflow="w", notify_queue="batchwright-notices-me" + end)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (
            "nightly\n",
            "'nightly\\n' is not a valid name: it ends in a line end; YAML's '>' adds one and '>-' none",
        ),
        ("nіghtly", "it has U+0456 (CYRILLIC SMALL LETTER BYELORUSSIAN-UKRAINIAN I); 1 to 128 letters"),  # noqa: RUF001
        ("night\u200bly", "it has U+200B (ZERO WIDTH SPACE); 1 to 128 letters"),
        ("nightly\x00", "'nightly\\x00' is not a valid name: it has U+0000 (a control character); 1 to 128"),
        ("nightly\u2028", "'nightly\\u2028' is not a valid name: it has U+2028 (LINE SEPARATOR); 1 to 128"),
    ],
)
def test_a_character_that_nobody_sees_is_named(name: str, told: str) -> None:
    (mistake,) = check_definition(of(name=name)).mistakes
    assert told in mistake.line()
