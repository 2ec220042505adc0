"""What of a seed is played: all of it, or a smaller part in which it fails as well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

_ALL_RUNS = 9


@dataclass(frozen=True, slots=True)
class Scope:
    """`without` names kinds of faults and actions that are left out; `without_tasks` names tasks as "plan:task";
    `runs` is how many at most; `salt` shuffles who acts next and nothing else. `shares` overrides the shares of kinds
    of faults, and is not part of the text.
    """

    without: frozenset[str] = frozenset()
    without_tasks: frozenset[str] = frozenset()
    runs: int = _ALL_RUNS
    salt: int = 0
    shares: Mapping[str, float] = field(default_factory=dict)

    def tasks_left_out(self, plan: int) -> set[str]:
        prefix = f"{plan}:"
        return {name.removeprefix(prefix) for name in self.without_tasks if name.startswith(prefix)}

    def text(self) -> str:
        """In the form of a line of kept_seeds.txt; empty for the whole."""
        words = []
        if self.without:
            words.append("without=" + ",".join(sorted(self.without)))
        if self.without_tasks:
            words.append("tasks=" + ",".join(sorted(self.without_tasks)))
        if self.runs != _ALL_RUNS:
            words.append(f"runs={self.runs}")
        if self.salt:
            words.append(f"salt={self.salt}")
        return " ".join(words)

    @classmethod
    def read(cls, text: str) -> Scope:
        """The scope of such a text. Raises ValueError naming the word that is none."""
        values: dict[str, str] = {}
        for word in text.split():
            key, equals, value = word.partition("=")
            if not equals or key not in ("without", "tasks", "runs", "salt"):
                raise ValueError(f"'{word}' is none of without=, tasks=, runs=, salt=")
            values[key] = value
        return cls(
            without=frozenset(values["without"].split(",")) if "without" in values else frozenset(),
            without_tasks=frozenset(values["tasks"].split(",")) if "tasks" in values else frozenset(),
            runs=int(values.get("runs", _ALL_RUNS)),
            salt=int(values.get("salt", 0)),
        )


WHOLE = Scope()
