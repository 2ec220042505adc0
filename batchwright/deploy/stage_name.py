"""Which names a stage may have, so that nothing of one stage bears the name of a thing of another.

Owns the rule. The names themselves are those of policies.py (functions), deployment.py (stacks) and infra/.
"""

from __future__ import annotations

import re

from batchwright.deploy.policies import API_HANDLER, GRANTS
from chalicelib.core.addresses import APP
from chalicelib.core.errors import UserMistake
from chalicelib.core.notice.preferences import QUEUE_PREFIX

STACK_ENDINGS = ("observability", "batch")
"""Of the stacks beside the foundation's, which bears the stage's own name."""
_PIPELINE = "functions"
"""The name of a pipeline's stack, as docs/how-to/deploy-with-chalice.md has it."""
_SHAPE = re.compile("[a-z][a-z0-9-]{0,15}")
"""As the templates have it, which refuse the names of runs' queues, too."""
_OF_OTHERS = {"local": "that is the local AWS's own"}
_OF_RUNS = QUEUE_PREFIX.removeprefix(f"{APP}-").removesuffix("-")
"""What stands in the names of the queues that belong to runs where a stage's name stands in those of its own queues:
the functions of every stage may send to them."""

TAKEN_ENDINGS: dict[str, str] = {
    **{name: "function" for name in GRANTS if name != API_HANDLER},
    **dict.fromkeys((*STACK_ENDINGS, _PIPELINE), "stack"),
    # The urgent queue of a stage dev-ec2 would be dev's urgent queue on EC2.
    "ec2": "job queue",
}
"""What stands behind a stage's name in the names of its things, by the kind of thing: `dev` has a function
batchwright-dev-start, which would be the API's function of a stage `dev-start`."""


def checked_stage(stage: str) -> str:
    """The name, if a stage may have it. Raises UserMistake."""
    if not _SHAPE.fullmatch(stage):
        raise UserMistake(
            f"--stage {stage}: a stage is a lower-case letter, then up to 15 lower-case letters, digits or hyphens"
        )
    if stage in _OF_OTHERS:
        raise UserMistake(f"--stage {stage}: {_OF_OTHERS[stage]}; choose another name")
    if stage == _OF_RUNS or stage.startswith(f"{_OF_RUNS}-"):
        raise UserMistake(
            f"--stage {stage}: a stage is not named {_OF_RUNS} or {_OF_RUNS}-..., for its queues would bear names "
            f"that begin with {QUEUE_PREFIX}, to which any run of any stage may have its notices sent; "
            f"choose another name"
        )
    for ending, kind in TAKEN_ENDINGS.items():
        other = stage.removesuffix(f"-{ending}")
        if other != stage:
            endings = ", ".join(f"-{one}" for one in TAKEN_ENDINGS if _SHAPE.fullmatch(one))
            raise UserMistake(
                f"--stage {stage}: a stage does not end in -{ending}, for a {kind} of a stage '{other}' would bear "
                f"its name ({APP}-{stage}); choose another name, which ends in none of {endings}"
            )
    return stage
