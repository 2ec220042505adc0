"""The seeds that once failed, kept for ever: tests/simulation/kept_seeds.txt, which every test run replays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.simulation.scope import Scope

PATH = Path(__file__).parent / "kept_seeds.txt"


@dataclass(frozen=True, slots=True)
class Kept:
    """A seed, what of it is played, and why it is kept."""

    seed: int
    scope: Scope
    why: str

    def line(self) -> str:
        words = [str(self.seed), self.scope.text(), f"# {self.why}"]
        return " ".join(word for word in words if word)


def kept_seeds(path: Path = PATH) -> Iterator[Kept]:
    """Every line of the file that is not a comment alone."""
    for line in path.read_text().splitlines():
        text, _, why = line.partition("#")
        if text.strip():
            seed, _, scope = text.strip().partition(" ")
            yield Kept(int(seed), Scope.read(scope), why.strip())


def keep(kept: Kept, path: Path = PATH) -> bool:
    """Append the seed, unless it is there already; whether it was not."""
    if any((one.seed, one.scope) == (kept.seed, kept.scope) for one in kept_seeds(path)):
        return False
    with path.open("a") as file:
        file.write(kept.line() + "\n")
    return True
