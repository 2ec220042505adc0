"""What `.chalice/config.json` says of a stage, and the policy files beside it.

Owns the values that a deployment writes there, so that `chalice deploy --stage NAME` and `chalice package --stage NAME`
need nothing else. None of them names an account or a region, so that they can be committed, as those of the stage `dev`
are: a deployment of `dev` as it is shipped changes no file that is committed. What people add to a stage's entry stays:
a variable, a subnet, another memory size.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batchwright.deploy.policies import Place, functions_of, policy
from chalicelib.core.errors import UserMistake

STAGE_TAG = "batchwright-stage"
"""On stacks and functions: whose they are."""
STAGE_VARIABLE = "BATCHWRIGHT_STAGE"
"""Of the functions, likewise."""
SHIPPED_STAGE = "dev"
"""The stage that is in the repository."""
XRAY, POLICY_FILE = "xray", "iam_policy_file"
"""Chalice's names of the settings."""


@dataclass(frozen=True, slots=True)
class ChaliceConfig:
    """The `.chalice` folder of a project."""

    folder: Path

    @property
    def path(self) -> Path:
        return self.folder / "config.json"

    def policy_folder(self, stage: str) -> Path:
        return self.folder / "policies" / stage

    def deployed_path(self, stage: str) -> Path:
        """Where Chalice notes what it made for a stage."""
        return self.folder / "deployed" / f"{stage}.json"

    def read(self) -> dict[str, Any]:
        """The file's content. Raises UserMistake when it is none."""
        try:
            found: dict[str, Any] = json.loads(self.path.read_text(encoding="utf-8"))
        except OSError as error:
            raise UserMistake(
                f"{self.path} cannot be read: {error.strerror}; give the clone's folder: --project"
            ) from error
        except ValueError as error:
            raise UserMistake(f"{self.path} is not valid JSON: {error}") from error
        return found

    def put_stage(
        self,
        place: Place,
        functions: Iterable[str],
        variables: Mapping[str, str | None],
        *,
        xray: bool = False,
    ) -> bool:
        """Write a stage's values and policies; whether anything is other than before. A variable of None is taken
        out. With `xray`, Lambda and API Gateway trace what they do."""
        names = list(functions)
        config = self.read()
        stage = config.setdefault("stages", {}).setdefault(place.stage, {})
        there = stage.setdefault("environment_variables", {})
        there.update({name: value for name, value in variables.items() if value is not None})
        for name in [name for name, value in variables.items() if value is None]:
            there.pop(name, None)
        stage.setdefault("tags", {})[STAGE_TAG] = place.stage
        stage.pop(XRAY, None)
        if xray:
            stage[XRAY] = True
        per_function = stage.setdefault("lambda_functions", {})
        for name in names:
            per_function.setdefault(name, {})[POLICY_FILE] = f"policies/{place.stage}/{name}.json"
        for name in set(per_function) - set(names):
            # A function that the stage has no more, as without a webhook.
            per_function[name].pop(POLICY_FILE, None)
            if not per_function[name]:
                del per_function[name]
        changed = _write(self.path, config)
        for name in names:
            document = policy(place.anywhere, name, xray=xray)
            changed |= _write(self.policy_folder(place.stage) / f"{name}.json", document)
        for path in self.policy_folder(place.stage).glob("*.json"):
            if path.stem not in names:
                path.unlink()
                changed = True
        return changed

    def is_traced(self, stage: str) -> bool:
        """Whether X-Ray is to trace a stage."""
        return bool(self.read().get("stages", {}).get(stage, {}).get(XRAY))

    def remove_stage(self, stage: str, variables: Iterable[str]) -> list[str]:
        """Take out what `put_stage` wrote, and what Chalice wrote beside it; what that was, in words.

        The stage that is shipped becomes again as it was shipped.
        """
        removed = []
        if stage == SHIPPED_STAGE:
            if self.put_stage(*shipped_stage(variables)):
                removed.append(f"what was set for the stage in {self.path.name}")
        else:
            removed += self._remove_entry(stage, variables)
        if self.deployed_path(stage).exists():
            self.deployed_path(stage).unlink()
            removed.append("Chalice's note of what it had made")
        _remove_if_empty(self.deployed_path(stage).parent)
        packages = self.folder / "deployments"
        if packages.is_dir() and not self.deployed_path(stage).parent.exists():
            # Chalice keeps every package that it built; of no stage any more, they serve nobody.
            shutil.rmtree(packages)
            removed.append("the deployment packages")
        return removed

    def _remove_entry(self, stage: str, variables: Iterable[str]) -> list[str]:
        removed = []
        config = self.read()
        entry = config.get("stages", {}).get(stage)
        if entry is not None:
            for name in variables:
                entry.get("environment_variables", {}).pop(name, None)
            entry.get("tags", {}).pop(STAGE_TAG, None)
            entry.pop(XRAY, None)
            for name in list(entry.get("lambda_functions", {})):
                entry["lambda_functions"][name].pop(POLICY_FILE, None)
            config["stages"][stage] = _without_empty(entry)
            if not config["stages"][stage]:
                del config["stages"][stage]
            if _write(self.path, config):
                removed.append(f"the values of the stage in {self.path.name}")
        if self.policy_folder(stage).is_dir():
            shutil.rmtree(self.policy_folder(stage))
            _remove_if_empty(self.policy_folder(stage).parent)
            removed.append("its policy files")
        return removed


def shipped_stage(variables: Iterable[str] = ()) -> tuple[Place, list[str], dict[str, str | None]]:
    """What `put_stage` is given for the stage that is shipped; of `variables` it sets none but the stage's name."""
    place = Place(SHIPPED_STAGE, "*", "*")
    return place, functions_of(place), {**dict.fromkeys(variables), STAGE_VARIABLE: SHIPPED_STAGE}


def _without_empty(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry without the parts that hold nothing any more."""
    left = {name: _without_empty(part) if isinstance(part, dict) else part for name, part in entry.items()}
    return {name: part for name, part in left.items() if part != {}}


def _write(path: Path, document: Mapping[str, Any]) -> bool:
    """Write a JSON file unless it says the same already; whether it did not."""
    text = json.dumps(document, indent=2) + "\n"
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return True


def _remove_if_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


if __name__ == "__main__":
    # After a change of policies.py: `python -m batchwright.deploy.config` brings the shipped stage to it.
    ChaliceConfig(Path(__file__).parents[2] / ".chalice").put_stage(*shipped_stage())
