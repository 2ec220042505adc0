"""Text of YAML or JSON as a tree of values that know their line and column.

Owns the tree, what is refused while it is built (duplicate keys, deep nesting, aliases that expand without end), and
how a path leads to a place. Reading the two languages is `yaml_text.py`'s and `json_text.py`'s; what the values mean
is nobody's here. Lines and columns count from 1.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from chalicelib.core.limits import DEPTH_MAXIMUM
from chalicelib.core.strict_json import TOO_DEEP

EXPANDED_MAXIMUM = 1_000_000
"""Values that aliases may expand to, beside ten times those that are written out."""


@dataclass(frozen=True, slots=True, order=True)
class Spot:
    """A place in a text, and what is wrong there."""

    line: int
    column: int
    message: str
    suggestion: str | None = None


class Unreadable(Exception):
    """The text cannot be read any further; `spot` says where and why."""

    def __init__(self, line: int, column: int, message: str, suggestion: str | None = None) -> None:
        super().__init__(message)
        self.spot = Spot(line, column, message, suggestion)


class Node:
    """A value in a text: a scalar, a list of nodes, or a dict of keys to pairs of the key's node and the value's.

    `size` is how many values it expands to, itself and aliases included; `merged` what a merge key named, until the end
    of the mapping.
    """

    __slots__ = ("column", "line", "merged", "size", "value")

    def __init__(self, value: Any, line: int, column: int) -> None:
        self.value = value
        self.line = line
        self.column = column
        self.size = 1
        self.merged: list[Node] | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A text that was read. `spots` are mistakes that did not stop the reading, such as duplicate keys."""

    root: Node
    spots: tuple[Spot, ...]

    def data(self) -> Any:
        """The values without their places. What an alias names is the same object wherever it stands."""
        return _plain(self.root, {})

    def place_of(self, path: Iterable[str | int], *, at_key: bool = False) -> tuple[int, int]:
        """Line and column of the value that a path leads to, or of its key.

        Where the path ends before that, it is the key (or the list item) that was reached last.
        """
        node, reached = self.root, self.root
        for piece in path:
            step = _step(node, piece)
            if step is None:
                return reached.line, reached.column
            reached, node = step
        spot = reached if at_key else node
        return spot.line, spot.column


class TreeBuilder:
    """Builds the tree from what a reader finds, in the order of the text."""

    def __init__(self) -> None:
        self.spots: list[Spot] = []
        self.root: Node | None = None
        self._open: list[Node] = []
        self._keys: list[Node | None] = []
        self._written = 0

    @property
    def wants_key(self) -> bool:
        """Whether what comes next is a key of a mapping."""
        return bool(self._open) and isinstance(self._open[-1].value, dict) and self._keys[-1] is None

    def key(self, name: str, line: int, column: int, *, merge: bool = False) -> None:
        """Take a key. The value of a `merge` key is no entry: its entries go into the mapping, under the mapping's."""
        self._written += 1
        self._keys[-1] = node = Node(name, line, column)
        node.merged = [] if merge else None

    def scalar(self, value: Any, line: int, column: int) -> Node:
        node = Node(value, line, column)
        self._written += 1
        self._put(node)
        return node

    def start(self, value: list[Any] | dict[str, Any], line: int, column: int) -> Node:
        """Open a list or a mapping; an empty one is given."""
        if len(self._open) >= DEPTH_MAXIMUM:
            raise Unreadable(line, column, TOO_DEEP)
        node = Node(value, line, column)
        self._written += 1
        self._open.append(node)
        self._keys.append(None)
        return node

    def end(self) -> None:
        node = self._open.pop()
        self._keys.pop()
        if node.merged:
            _merge(node, node.merged)
            node.merged = None
        self._put(node)

    def alias(self, node: Node, name: str, line: int, column: int) -> None:
        """Put a node that stands elsewhere too."""
        if any(node is one for one in self._open):
            raise Unreadable(line, column, f"the alias '*{name}' stands within what it names")
        self._put(node, line, column)

    def _put(self, node: Node, line: int | None = None, column: int | None = None) -> None:
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        parent.size += node.size
        self._check_size(parent, line or node.line, column or node.column)
        if isinstance(parent.value, list):
            parent.value.append(node)
            return
        key, self._keys[-1] = self._keys[-1], None
        assert key is not None
        if key.merged is not None:
            self._remember_merge(parent, key, node)
            return
        earlier = parent.value.setdefault(key.value, (key, node))
        if earlier[0] is not key:
            self._repeated(key, earlier[0])

    def _remember_merge(self, parent: Node, key: Node, node: Node) -> None:
        sources = node.value if isinstance(node.value, list) else [node]
        if not all(isinstance(source.value, dict) for source in sources):
            self.spots.append(Spot(key.line, key.column, "'<<' takes a mapping or a list of mappings"))
        elif parent.merged is not None:
            self.spots.append(
                Spot(key.line, key.column, "'<<' stands here a second time", "give it one list: [*a, *b]")
            )
        else:
            parent.merged = sources

    def _repeated(self, key: Node, first: Node) -> None:
        message = f"the key '{key.value}' stands here a second time"
        self.spots.append(Spot(key.line, key.column, message, f"the first is {first.line}:{first.column}"))

    def _check_size(self, node: Node, line: int, column: int) -> None:
        if node.size > EXPANDED_MAXIMUM + 10 * self._written:
            raise Unreadable(
                line,
                column,
                f"aliases expand to more than {EXPANDED_MAXIMUM:,} values",
                "write out what is needed, or use fewer aliases",
            )


def _merge(node: Node, sources: list[Node]) -> None:
    for source in sources:
        for name, entry in source.value.items():
            node.value.setdefault(name, entry)


def _step(node: Node, piece: str | int) -> tuple[Node, Node] | None:
    value = node.value
    if isinstance(value, dict):
        step: tuple[Node, Node] | None = value.get(piece)
        return step
    if isinstance(value, list) and isinstance(piece, int) and piece < len(value):
        return value[piece], value[piece]
    return None


def _plain(node: Node, done: dict[int, Any]) -> Any:
    value = node.value
    if not isinstance(value, (dict, list)):
        return value
    plain = done.get(id(node))
    if plain is None:
        if isinstance(value, dict):
            plain = {name: _plain(entry[1], done) for name, entry in value.items()}
        else:
            plain = [_plain(item, done) for item in value]
        done[id(node)] = plain
    return plain
