"""Parameters and alarms of the CloudFormation templates in infra/."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from batchwright.stage.project import PROJECT_FOLDER
from docs.generate.markdown import one_line


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms, which become what they are given."""


def _short_form(loader: yaml.SafeLoader, _: str, node: yaml.Node) -> Any:
    match node:
        case yaml.ScalarNode():
            return loader.construct_scalar(node)
        case yaml.SequenceNode():
            return loader.construct_sequence(node, deep=True)
        case yaml.MappingNode():
            return loader.construct_mapping(node, deep=True)
    raise TypeError(node)


_Loader.add_multi_constructor("!", _short_form)


def _template(name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = yaml.load((PROJECT_FOLDER / "infra" / f"{name}.yaml").read_text(), _Loader)
    return found


def parameters(name: str) -> dict[str, tuple[str, str]]:
    """Default and sentence of each parameter of a template but the stage's name."""
    found = _template(name)["Parameters"].items()
    return {key: (str(one.get("Default", "")), one_line(one["Description"])) for key, one in found if key != "Stage"}


def alarms() -> dict[str, str]:
    """The sentence of each alarm, by its name without the stage."""
    found = [one["Properties"] for one in _template("observability")["Resources"].values() if _is_alarm(one)]
    prefix = "batchwright-${Stage}-"
    return {
        one["AlarmName"].removeprefix(prefix): one_line(one["AlarmDescription"]).replace("${Stage}", "STAGE")
        for one in found
    }


def _is_alarm(resource: Mapping[str, Any]) -> bool:
    return bool(resource["Type"] == "AWS::CloudWatch::Alarm")
