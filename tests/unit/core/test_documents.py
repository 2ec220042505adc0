"""Documents: written, described and read from one declaration."""

from dataclasses import dataclass
from typing import Annotated

import jsonschema_rs
import pytest

from chalicelib.core.documents import Described, document_of, read_document, schema_of
from chalicelib.core.errors import Defect
from chalicelib.core.failure import FailureClass


@dataclass(frozen=True, slots=True)
class Inner:
    index: Annotated[int, Described("Its index.", minimum=0)]
    alike: Annotated[int, Described("How many.", always=True)] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Outer:
    number: Annotated[str, Described("Its id.", key="id")]
    kept_here: int = 7
    at_ms: Annotated[int | None, Described("When.")] = None
    failure: Annotated[FailureClass | None, Described("Class.")] = None
    lines: Annotated[tuple[str, ...], Described("Lines.")] = ()
    inner: Annotated[Inner | None, Described("One.")] = None
    inners: Annotated[tuple[Inner, ...], Described("Several.")] = ()
    counts: Annotated[tuple[tuple[str, int], ...], Described("Counts.")] = ()
    is_allowed: Annotated[bool, Described("Allowed.")] = False


FULL = Outer(
    number="a",
    at_ms=0,
    failure=FailureClass.SPOT,
    lines=("x",),
    inner=Inner(0),
    inners=(Inner(1, 2),),
    counts=(("failed", 0),),
    is_allowed=True,
)


def test_a_document_holds_the_keys_of_its_declaration():
    assert document_of(FULL) == {
        "id": "a",
        "at_ms": 0,
        "failure": "spot",
        "lines": ["x"],
        "inner": {"index": 0, "alike": 1},
        "inners": [{"index": 1, "alike": 2}],
        "counts": {"failed": 0},
        "is_allowed": True,
    }


def test_a_field_at_its_default_is_left_out():
    assert document_of(Outer(number="a")) == {"id": "a"}


@pytest.mark.parametrize("whole", [FULL, Outer(number="a")])
def test_what_is_written_fits_the_schema_and_is_read_again(whole):
    document = document_of(whole)
    assert jsonschema_rs.is_valid(schema_of(Outer), document)
    assert read_document(Outer, document) == whole


def test_a_reader_ignores_keys_that_a_later_release_added():
    assert read_document(Outer, {"id": "a", "later": {}}) == Outer(number="a")


@pytest.mark.parametrize(
    ("document", "error"),
    [
        ({}, KeyError),
        ({"id": "a", "failure": "tired"}, ValueError),
        ({"id": "a", "inner": []}, TypeError),
        ({"id": "a", "inner": {"index": 0}}, KeyError),
        ({"id": "a", "lines": "x"}, TypeError),
    ],
)
def test_what_does_not_fit_is_an_error(document, error):
    with pytest.raises(error):
        read_document(Outer, document)


def test_a_type_without_a_rule_is_a_defect():
    @dataclass(frozen=True)
    class Strange:
        value: Annotated[dict[str, str], Described("Anything.")]

    with pytest.raises(Defect):
        schema_of(Strange)
