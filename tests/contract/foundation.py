"""What infra/foundation.yaml makes, for tests: created through CloudFormation where there is one, read otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

TEMPLATE = Path(__file__).parents[2] / "infra" / "foundation.yaml"


def create(cloudformation: Any, stage: str, **parameters: str) -> dict[str, str]:
    """Create the foundation of a stage; returns its outputs."""
    given = {"Stage": stage, **parameters}
    name = f"batchwright-{stage}-foundation"
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=TEMPLATE.read_text(),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
    )
    waiter = cloudformation.get_waiter("stack_create_complete")
    waiter.wait(StackName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 300})
    [stack] = cloudformation.describe_stacks(StackName=name)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def table_request(table_name: str) -> dict[str, Any]:
    """The template's table as a CreateTable request, for servers that have no CloudFormation."""
    properties = dict(template()["Resources"]["Table"]["Properties"])
    for name in ("TimeToLiveSpecification", "PointInTimeRecoverySpecification"):
        del properties[name]  # a call of its own in the API, and no test waits for it
    return {**properties, "TableName": table_name}


def template() -> dict[str, Any]:
    """The template as data; intrinsic functions become {"!Sub": ...} and the like."""
    document: dict[str, Any] = yaml.load(TEMPLATE.read_text(), Loader=Loader)
    return document


class Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms of intrinsic functions."""


def _intrinsic(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.SequenceNode):
        return {f"!{suffix}": loader.construct_sequence(node, deep=True)}
    if isinstance(node, yaml.MappingNode):
        return {f"!{suffix}": loader.construct_mapping(node, deep=True)}
    assert isinstance(node, yaml.ScalarNode)
    return {f"!{suffix}": loader.construct_scalar(node)}


Loader.add_multi_constructor("!", _intrinsic)
