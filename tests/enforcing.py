"""A MiniStack that holds every caller to its policies, but the account itself."""

from __future__ import annotations

from pathlib import Path

from batchwright.local.ministack import SERVICES, MiniStack
from batchwright.stage.project import PROJECT_FOLDER


def enforcing(log_path: Path, services: tuple[str, ...] = SERVICES) -> MiniStack:
    """One that is not started yet. Who signs with the keys of its `environment()` is the account."""
    account = MiniStack(log_path).environment()
    return MiniStack(
        log_path,
        services=services,
        module="tests.enforcing_child",
        extra_environment={
            "AUTH": "true",
            "AWS_ACCESS_KEY_ID": account["AWS_ACCESS_KEY_ID"],
            "AWS_SECRET_ACCESS_KEY": account["AWS_SECRET_ACCESS_KEY"],
            "PYTHONPATH": str(PROJECT_FOLDER),
        },
    )
