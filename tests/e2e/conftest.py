"""One account for all of these tests, which follow each other in the life of one stage."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.stage import Account


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    account = Account(tmp_path_factory.mktemp("e2e"))
    try:
        account.start()
        yield account
    finally:
        account.stop()
