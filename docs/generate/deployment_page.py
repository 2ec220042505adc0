"""docs/reference/deployment.md: the parameters of a deployment, from the templates in infra/."""

from __future__ import annotations

from docs.generate import templates
from docs.generate.markdown import line, page, section

QUEUES = (
    ("batchwright-STAGE-default", "Fargate Spot, then Fargate."),
    ("batchwright-STAGE-urgent", "Fargate, before the default queue."),
    ("batchwright-STAGE-ec2", "EC2 Spot, then EC2: above 16 vCPUs or 120 GiB."),
    ("batchwright-STAGE-ec2-urgent", "EC2, before that queue."),
    ("batchwright-STAGE-gpu", "Machines with GPUs; needs `Gpu=true`."),
)


def make() -> str:
    return page(
        "Deployment",
        "the templates in infra/",
        section("Parameters", "`deploy --parameter NAME=VALUE`; a value stays until it is set again."),
        *(section(f"infra/{name}.yaml", _parameters(name), level=3) for name in NAMES),
        section("Job queues of the Batch environment", "\n".join(line(name, text) for name, text in QUEUES)),
    )


NAMES = ("foundation", "observability", "batch")


def _parameters(name: str) -> str:
    return "\n".join(line(key, text, default) for key, (default, text) in templates.parameters(name).items())
