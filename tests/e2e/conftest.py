"""One account for the tests of a deployment, which follow each other in the life of one stage; and the surroundings of
commands."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.stage import Account
from tests.functional.conftest import trap, user_variables

__all__ = ["trap", "user_variables"]


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    account = Account(tmp_path_factory.mktemp("e2e"))
    try:
        account.start()
        yield account
    finally:
        account.stop()
