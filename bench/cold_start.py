"""How much longer a cold Lambda takes for this app than for boto3 alone: `python -m bench.cold_start`.

A fresh process imports app.py and makes two clients, another imports boto3 and makes the same two, which no function
can do without; in turns, so that what else the machine does weighs on both. Both find their modules compiled, as pip
leaves boto3's. Told is the median of the ratios, and between which ratios half of the pairs lie. Lambda pays this once
for each process that it starts.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys

from batchwright.stage.project import PROJECT_FOLDER

PAIRS = 15
RATIO_MAXIMUM = 1.6
_CLIENTS = "session.client('dynamodb'); session.client('sqs')"
_ALONE = f"import boto3; session = boto3.session.Session(region_name='us-east-1'); {_CLIENTS}"
_WITH = f"import app; {_ALONE}"


def seconds(program: str) -> float:
    """The processor time that a fresh process takes for a program, its own start included, as Lambda's does. Not the
    time on the wall: on a machine that does other things, too, that says more of those."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", program], cwd=PROJECT_FOLDER, env=environment, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> int:
    seconds(_WITH)  # compiles what was not
    pairs = [(seconds(_WITH), seconds(_ALONE)) for _ in range(PAIRS)]
    ratios = [ours / theirs for ours, theirs in pairs]
    low, ratio, high = statistics.quantiles(ratios, n=4)
    ours = statistics.median(pair[0] for pair in pairs)
    theirs = statistics.median(pair[1] for pair in pairs)
    print(
        f"cold start: app.py with two clients {ours * 1000:.0f} ms, boto3 with the same {theirs * 1000:.0f} ms; "
        f"ratio {ratio:.2f} (half of {PAIRS} pairs between {low:.2f} and {high:.2f}, at most {RATIO_MAXIMUM})"
    )
    return 0 if ratio <= RATIO_MAXIMUM else 1


if __name__ == "__main__":
    sys.exit(main())
