"""`python -m batchwright.local.supervisor`: holds a local AWS up until it is told to end, or a part of it breaks."""

from __future__ import annotations

import os
import signal
import sys
import threading
from dataclasses import replace

import click

from batchwright.local.home import TAKEN, held, home, remove_state, write_state
from batchwright.local.job_environment import take_over
from batchwright.local.options import LocalOptions, local_options
from batchwright.local.stack import LocalAws
from chalicelib.core.errors import BatchwrightError

LOOK_SECONDS = 2.0


@click.command()
@local_options
def main(options: LocalOptions) -> None:
    """Start a local AWS, say so in its folder, and stop it at SIGTERM or SIGINT."""
    options = replace(options, job_environment=take_over(os.environ))
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with held(home()) as free:
        if not free:
            sys.exit(TAKEN)
        try:
            _hold(options, ended)
        except BatchwrightError as error:
            raise SystemExit(str(error)) from error
        finally:
            remove_state()


def _hold(options: LocalOptions, ended: threading.Event) -> None:
    aws = LocalAws(
        home(),
        faults=options.faults,
        submit_rate=options.submit_rate,
        max_vcpus=options.max_vcpus,
        records_own_jobs=options.records_own_jobs,
        job_environment=options.job_environment,
        serves_api=True,
    )
    with aws:
        if not ended.is_set():
            write_state(aws.environment, options.told)
        while not ended.wait(LOOK_SECONDS):
            aws.check()
        # Whoever looks from now on finds nothing; what is left ends meanwhile.
        remove_state()


if __name__ == "__main__":
    main()
