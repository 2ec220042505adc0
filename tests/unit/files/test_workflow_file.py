# ruff: noqa: E501 -- the messages stand here as they are printed, one a line
from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from batchwright.files.json_text import read_json
from batchwright.files.monitor_file import MonitorFile, load_file
from batchwright.files.positions import Unreadable
from batchwright.files.workflow_file import (
    BadFile,
    WorkflowFile,
    load_mapping,
    load_workflow,
    problems_of,
    read_document,
)
from batchwright.files.yaml_text import read_yaml

ROOT = Path(__file__).parents[3]
BOMB_SECONDS = 2.0
SOUND = "name: w\ntasks:\n  a: {job_definition: jd, queue: q}\n"


@pytest.fixture
def problems(tmp_path: Path) -> Callable[..., list[str]]:
    """The problems of a file of that content, with `FILE` for its path."""

    def find(content: str | bytes, name: str = "w.yaml") -> list[str]:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return [str(problem).replace(str(path), "FILE") for problem in problems_of(path)]

    return find


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        ("", ["FILE: the file is empty"]),
        (" \n\t\n", ["FILE: the file is empty"]),
        ("# only a comment\n", ["FILE:1:1: the file holds nothing"]),
        ("name: \xe9".encode("latin-1"), ["FILE:1:7: the byte 0xe9 is not UTF-8; save the file as UTF-8"]),
        ("name: w".encode("utf-16"), ["FILE:1:1: the byte 0xff is not UTF-8; save the file as UTF-8"]),
        ("name: w\ntitle: \x07", ["FILE:2:8: the character U+0007 cannot stand in YAML"]),
        ("[]", ["FILE:1:1: a workflow must be a mapping, not an empty list"]),
        ("just text", ["FILE:1:1: a workflow must be a mapping, not the string 'just text'"]),
        (SOUND + "name: v\n", ["FILE:4:1: the key 'name' stands here a second time; the first is 1:1"]),
        (SOUND + "---\nname: v\n", ["FILE:4:1: a second document begins here; one file holds one document"]),
        ("name: w\n\ttasks: {}", ["FILE:2:1: not valid YAML: found a tab character that violates indentation; a tab cannot indent"]),
        ("name: w: v", ["FILE:1:8: not valid YAML: mapping values are not allowed in this context; put a text that holds ': ' in quotes, and check the indentation"]),
        ("name: 'w\n", ["FILE:2:1: not valid YAML: found unexpected end of stream; a quote is not closed"]),
        ("tasks: {a: {command: [x, ${params.y}]}}", ["FILE:1:27: not valid YAML: did not find expected ',' or ']'; between [ ] or { }, a text that holds ${...} needs quotes"]),
        ("name: *x\n", ["FILE:1:7: no anchor is called 'x'; an anchor (&name) must stand before its alias (*name)"]),
        ("name: &x [*x]\n", ["FILE:1:11: the alias '*x' stands within what it names"]),
        ("name: !!python/object/apply:os.system [ls]", ["FILE:1:7: the tag '!!python/object/apply:os.system' cannot be used here; only plain values are read"]),
        ("name: !custom x", ["FILE:1:7: the tag '!custom' cannot be used here; only plain values are read"]),
        ("? [a, b]\n: c\n", ["FILE:1:3: a key must be a text, not a list or a mapping"]),
        ("name: .nan", ["FILE:1:7: '.nan' is no number that can be used; put it in quotes if it is a text"]),
        ("name: 1e999", ["FILE:1:7: '1e999' is too large for a number"]),
        ("name: " + "9" * 5_000, ["FILE:1:7: a number has 5000 digits; 308 are the most"]),
        ("a: &a {b: 1}\nc: {<<: *a, <<: *a}\nd: {<<: 5}\n", [
            "FILE:1:1: a is no key that is known here; known keys: name, description, params, defaults, tasks, schedules, notify",
            "FILE:1:1: name is missing; a workflow needs a name and tasks",
            "FILE:1:1: tasks is missing; a workflow needs a name and tasks",
            "FILE:2:1: c is no key that is known here; known keys: name, description, params, defaults, tasks, schedules, notify",
            "FILE:2:13: '<<' stands here a second time; give it one list: [*a, *b]",
            "FILE:3:1: d is no key that is known here; known keys: name, description, params, defaults, tasks, schedules, notify",
            "FILE:3:5: '<<' takes a mapping or a list of mappings",
        ]),
    ],
)  # fmt: skip
def test_a_bad_yaml_file_is_told_with_its_place(
    problems: Callable[..., list[str]], content: str | bytes, lines: list[str]
) -> None:
    assert problems(content) == lines


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        ('{"name": "w",\n}', ["FILE:1:13: not valid JSON: a comma before a closing bracket; take it away"]),
        ("{'name': 1}", ["FILE:1:2: not valid JSON: expecting property name enclosed in double quotes; JSON takes double quotes only"]),
        ('{\n// x\n"name": 1}', ["FILE:2:1: not valid JSON: expecting property name enclosed in double quotes; JSON has no comments; YAML has"]),
        ('{"name": NaN}', ["FILE:1:10: 'NaN' is no number that can be used"]),
        ('{"name": 1e999}', ["FILE:1:10: '1e999' is too large for a number"]),
        ('{"name": "\\ud800"}', ["FILE:1:10: half of a surrogate pair stands alone; it is no character"]),
        ('{"name":\t"w",\n\t"tasks":\t{"a": {"job_definition": "jd", "queue": "q",\n\t"queue": "r"}}}', ["FILE:3:2: the key 'queue' stands here a second time; the first is 2:42"]),
        ('{"name": "w", "tasks": {"\\u0061": {"job_definition": "jd", "queue": "q", "gpus": 0}}}', ["FILE:1:82: task 'a': gpus must be 1 or more, not 0; leave it out for none"]),
    ],
)  # fmt: skip
def test_a_bad_json_file_is_told_with_its_place(
    problems: Callable[..., list[str]], content: str, lines: list[str]
) -> None:
    assert problems(content, "w.json") == lines


def test_a_file_that_is_not_there_or_no_file_is_told(tmp_path: Path) -> None:
    assert list(map(str, problems_of(tmp_path / "no.yaml"))) == [f"{tmp_path}/no.yaml: there is no such file"]
    assert list(map(str, problems_of(tmp_path))) == [f"{tmp_path}: this is a directory; name a file in it"]
    assert "cannot be read" in str(problems_of("a\0b")[0])


def test_every_problem_of_a_file_is_told_at_once_in_the_order_of_the_file() -> None:
    path = ROOT / "tests/golden/many_mistakes.yaml"
    found = "".join(f"{str(problem).replace(str(path), path.name)}\n" for problem in problems_of(path))
    assert found == (ROOT / "tests/golden/many_mistakes.txt").read_text()


def test_json_with_tabs_is_read_whatever_the_file_is_called(problems: Callable[..., list[str]]) -> None:
    content = '{\n\t"name":\t"w",\n\t"tasks":\t{"a": {"job_definition": "jd", "queue": "q"}}\n}'
    assert problems(content, "w.json") == []
    assert problems(content, "w.yaml") == []


def test_a_byte_order_mark_does_no_harm(problems: Callable[..., list[str]]) -> None:
    assert problems("\ufeff" + SOUND) == []


def test_aliases_and_merge_keys_work_and_the_mappings_own_keys_win(tmp_path: Path) -> None:
    path = tmp_path / "w.yaml"
    path.write_text(
        "name: w\n"
        "tasks:\n"
        "  a: &a {job_definition: jd, queue: q, environment: &env {K: v}}\n"
        "  b: {<<: *a, queue: r}\n"
        "  c: {<<: [{queue: first}, *a], environment: *env}\n"
    )
    assert load_workflow(path).definition["tasks"] == {
        "a": {"job_definition": "jd", "queue": "q", "environment": {"K": "v"}},
        "b": {"job_definition": "jd", "queue": "r", "environment": {"K": "v"}},
        "c": {"job_definition": "jd", "queue": "first", "environment": {"K": "v"}},
    }


def test_what_looks_like_a_date_or_a_switch_stays_a_text() -> None:
    text = "a: 2024-01-01\nb: yes\nc: 1:30\nd: off\n1: 010\n~: '5'\ne: !!str 5\nf: 0x1f\ng: .5\nh: True\ni:\n"
    assert read_yaml(text).data() == {
        "a": "2024-01-01",
        "b": "yes",
        "c": "1:30",
        "d": "off",
        "1": 10,
        "~": "5",
        "e": "5",
        "f": 31,
        "g": 0.5,
        "h": True,
        "i": None,
    }


LAUGHS = "a: &a [l,l,l,l,l,l,l,l,l]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefghij", "bcdefghijk", strict=True)
)
MERGES = (
    "a: &a {"
    + ", ".join(f"k{n}: v" for n in range(2_000))
    + "}\n"
    + "".join(f"t{n}: {{<<: *a}}\n" for n in range(20_000))
)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("w.yaml", LAUGHS, "aliases expand to more than 1,000,000 values"),
        ("w.yaml", MERGES, "aliases expand to more than 1,000,000 values"),
        ("w.yaml", "[" * 100_000, "nested more than 50 deep"),
        ("w.yaml", "a: " + "{a: " * 100_000, "nested more than 50 deep"),
        ("w.yaml", "- " * 100_000, "nested more than 50 deep"),
        ("w.json", "[" * 1_000_000 + "]" * 1_000_000, "nested more than 50 deep"),
        ("w.json", "[" * 60 + "]" * 60, "nested more than 50 deep"),
        ("w.json", '{"a": ' + "9" * 1_000_000 + "}", "a number has 1000000 digits"),
    ],
)  # fmt: skip
def test_a_file_made_to_choke_on_is_refused_quickly(
    problems: Callable[..., list[str]], name: str, content: str, message: str
) -> None:
    started = time.perf_counter()
    found = problems(content, name)
    assert time.perf_counter() - started < BOMB_SECONDS
    assert len(found) == 1
    assert message in found[0]


def test_ten_thousand_unknown_names_are_told_quickly(problems: Callable[..., list[str]]) -> None:
    tasks = "".join(f"  task-{n}: {{job_definition: jd, queue: q, depends_on: [tsk-{n}]}}\n" for n in range(10_000))
    started = time.perf_counter()
    found = problems("name: w\ntasks:\n" + tasks)
    assert time.perf_counter() - started < 30
    assert len(found) == 1_001
    assert "FILE:1:1: there are more than 1,000 mistakes" in found


def test_a_mapping_file_must_hold_a_mapping(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("- a\n")
    with pytest.raises(BadFile, match=r"p\.yaml:1:1: the file must hold a mapping of names to values"):
        load_mapping(path)


def test_the_shipped_files_are_valid() -> None:
    kinds = {file.name: type(load_file(file)) for file in (ROOT / "statemachines").glob("*.yaml")}
    assert kinds.pop("monitors.yaml") is MonitorFile
    assert set(kinds.values()) == {WorkflowFile}


def test_the_documented_example_is_valid(problems: Callable[..., list[str]]) -> None:
    text = (ROOT / "docs/how-to/write-a-workflow.md").read_text()
    example = text.partition("```yaml\n")[2].partition("```")[0]
    assert problems(example) == []


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs", "Cc"])),
    lambda children: (
        st.lists(children, max_size=4) | st.dictionaries(st.text("ab<:é{", max_size=4), children, max_size=4)
    ),
    max_leaves=12,
)


@given(json_values, st.sampled_from([None, 1, "\t"]))
def test_json_is_read_as_the_standard_library_reads_it(value: Any, indent: int | str | None) -> None:
    assert read_json(json.dumps(value, indent=indent)).data() == value


@given(st.dictionaries(st.text("abc <", min_size=1, max_size=4), json_values, max_size=4), st.booleans())
def test_yaml_of_plain_data_is_read_as_it_was_written(value: Any, flow: bool) -> None:
    quoted = yaml.safe_dump(value, default_flow_style=flow, allow_unicode=True, default_style='"')
    # Quoted all over, only strings are left: tags stand before what is none.
    assert read_yaml(quoted).data() == value


@given(st.text("{}[]:,-*&!'\"|>#%@ \n\tab<1.", max_size=40))
def test_any_text_is_read_or_refused_with_a_place(text: str) -> None:
    for read in (read_yaml, read_json):
        try:
            read(text)
        except Unreadable as unreadable:
            assert unreadable.spot.line >= 1
            assert unreadable.spot.column >= 1
            assert "\n" not in unreadable.spot.message


def test_a_path_leads_to_the_value_its_key_or_the_last_key_there_is(tmp_path: Path) -> None:
    path = tmp_path / "w.yaml"
    path.write_text("tasks:\n  a:\n    command: [x,\n      y]\n")
    document = read_document(path)
    assert document.place_of(["tasks", "a", "command", 1]) == (4, 7)
    assert document.place_of(["tasks", "a", "command"], at_key=True) == (3, 5)
    assert document.place_of(["tasks", "a", "queue"]) == (2, 3)
    assert document.place_of(["params"]) == (1, 1)


class Watched(str):
    """A text that counts how many of its characters are searched."""

    looked_at = 0

    def count(self, sub: str, start: int = 0, end: int | None = None) -> int:  # type: ignore[override]
        return super().count(sub, *self._noted(start, end))

    def rfind(self, sub: str, start: int = 0, end: int | None = None) -> int:  # type: ignore[override]
        return super().rfind(sub, *self._noted(start, end))

    def _noted(self, start: int, end: int | None) -> tuple[int, int]:
        stop = len(self) if end is None else end
        self.looked_at += stop - start
        return start, stop


@pytest.mark.parametrize("indent", [None, 0, 2])
def test_no_part_of_a_json_file_is_searched_for_line_ends_again_and_again(indent: int | None) -> None:
    text = Watched(json.dumps({f"t{number}": {"depends_on": ["a", "b"]} for number in range(1_000)}, indent=indent))
    document = read_json(text)
    assert 0 < text.looked_at <= 2 * len(text)
    line, column = document.place_of(["t999", "depends_on", 1])
    assert text.splitlines()[line - 1][column - 1 :].startswith('"b"')
