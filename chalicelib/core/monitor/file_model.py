"""The models of a monitor file: which jobs to watch, and what to say about them.

Owns the shape. The models of rules are made from the rules' types (monitor.py). A Lambda that only follows events never
loads this module, because it needs pydantic.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, create_model
from pydantic.json_schema import DEFAULT_REF_TEMPLATE

from chalicelib.core import rules
from chalicelib.core.definition.schema_model import Model, json_schema_of, key_schema, model_of, named
from chalicelib.core.limits import MONITORS_MAXIMUM
from chalicelib.core.monitor.monitor import RULES
from chalicelib.core.monitor.watch import WatchedKind

MonitorName = Annotated[str, named(rules.monitor_name_rule), key_schema(rules.SCHEDULE_NAME_PATTERN)]
Pattern = Annotated[str, named(rules.watch_rule), key_schema(rules.WATCH_PATTERN)]


def _yes_or_no(value: Any) -> Any:
    """`true` is everything, `false` is nothing."""
    if value is True:
        return {}
    return None if value is False else value


_FORMS = {"failed": (BeforeValidator(_yes_or_no),)}
"""By the key of a rule: further forms that it may be written in."""


class Watched(Model):
    """Which jobs to watch, and what to say about them."""

    description: Annotated[
        Annotated[str, named(rules.description_rule)] | None,
        Field(description="What the monitor is for. Its notices begin with it."),
    ] = None
    queues: Annotated[list[Pattern] | None, Field(description="Job queues, by name or pattern. Without it, all.")] = (
        None
    )
    names: Annotated[list[Pattern] | None, Field(description="Job names, or patterns. Without it, all.")] = None
    definitions: Annotated[
        list[Pattern] | None,
        Field(description="Job definitions, with or without :revision, or patterns. Without it, all."),
    ] = None
    kinds: Annotated[
        list[Annotated[WatchedKind, Field(strict=False)]] | None,
        Field(description="Whose jobs and which. A job must fit one of each sort that is named. Without it, all."),
    ] = None


RULE_MODELS = {key: model_of(rule) for key, rule in RULES.items()}
"""By the key of a rule: the model of its mapping."""
_RULE_FIELDS: dict[str, Any] = {
    key: (Annotated[model | None, *_FORMS.get(key, ()), Field(description=RULES[key].SAYS)], None)
    for key, model in RULE_MODELS.items()
}
Monitor = create_model("Monitor", __base__=Watched, __doc__=Watched.__doc__, __module__=__name__, **_RULE_FIELDS)


class Monitors(Model):
    """What to watch on a stage, and what to say about it."""

    schema_address: Annotated[
        str | None, Field(alias="$schema", description="Address of this schema, for editors only.")
    ] = None
    monitors: Annotated[
        dict[MonitorName, Monitor],  # type: ignore[valid-type]
        Field(description="The monitors, by name.", json_schema_extra={"maxProperties": MONITORS_MAXIMUM}),
    ]


def json_schema(ref_template: str = DEFAULT_REF_TEMPLATE) -> dict[str, Any]:
    """The JSON Schema of monitor files (draft 2020-12). `ref_template`: how its parts name each other."""
    schema = json_schema_of(Monitors, ref_template)
    failed = schema["$defs"]["Monitor"]["properties"]["failed"]
    failed["anyOf"] = [{"type": "boolean"}, *failed["anyOf"]]
    return schema
