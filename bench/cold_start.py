"""How much longer a cold Lambda takes for this app than for boto3 alone: `python -m bench.cold_start`.

A fresh process imports app.py and makes two clients, another imports boto3 and makes the same two, which no function
can do without; in turns, so that what else the machine does weighs on both. Told is the ratio of the medians, and
between which ratios half of the pairs lie. Lambda pays this once for each process that it starts.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from batchwright.local.functions import PROJECT_FOLDER

PAIRS = 15
RATIO_MAXIMUM = 1.6
_CLIENTS = "session.client('dynamodb'); session.client('sqs')"
_ALONE = f"import boto3; session = boto3.session.Session(region_name='us-east-1'); {_CLIENTS}"
_WITH = f"import app; {_ALONE}"


def seconds(program: str) -> float:
    """How long a fresh process takes for a program, its own start included, as Lambda's does."""
    began_at = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], cwd=PROJECT_FOLDER, check=True)
    return time.perf_counter() - began_at


def main() -> int:
    seconds(_WITH)  # compiles what was not
    pairs = [(seconds(_WITH), seconds(_ALONE)) for _ in range(PAIRS)]
    ratios = [ours / theirs for ours, theirs in pairs]
    low, _, high = statistics.quantiles(ratios, n=4)
    ours = statistics.median(pair[0] for pair in pairs)
    theirs = statistics.median(pair[1] for pair in pairs)
    print(
        f"cold start: app.py with two clients {ours * 1000:.0f} ms, boto3 with the same {theirs * 1000:.0f} ms; "
        f"ratio {ours / theirs:.2f} (half of {PAIRS} pairs between {low:.2f} and {high:.2f}, at most {RATIO_MAXIMUM})"
    )
    return 0 if ours / theirs <= RATIO_MAXIMUM else 1


if __name__ == "__main__":
    sys.exit(main())
