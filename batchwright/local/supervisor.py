"""`python -m batchwright.local.supervisor`: holds a local AWS up until it is told to end, or a part of it breaks."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from dataclasses import replace

import click

from batchwright.local.home import TAKEN, forget_death, held, home, remove_state, write_death, write_state
from batchwright.local.job_environment import take_over
from batchwright.local.options import LocalOptions, local_options
from batchwright.local.stack import LocalAws, LocalAwsError
from batchwright.local.under_way import runs_lost
from chalicelib.core.errors import BatchwrightError

LOOK_SECONDS = 10.0
"""The end of a child wakes us; this is for the case that its signal got lost."""


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
        forget_death()
        try:
            _hold(options, ended)
        except BatchwrightError as error:
            raise SystemExit(str(error)) from error
        finally:
            remove_state()


def _wakes() -> int:
    """A descriptor that can be read from when a signal came, the end of a child included."""
    woken, signalled = os.pipe()
    for descriptor in (woken, signalled):
        os.set_blocking(descriptor, False)
    signal.set_wakeup_fd(signalled, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return woken


def _sleep(woken: int) -> None:
    """Until a signal comes, or for a while."""
    if select.select([woken], [], [], LOOK_SECONDS)[0]:
        os.read(woken, 4096)


def _hold(options: LocalOptions, ended: threading.Event) -> None:
    woken = _wakes()
    aws = LocalAws(
        home(),
        faults=options.faults,
        submit_rate=options.submit_rate,
        max_vcpus=options.max_vcpus,
        records_own_jobs=options.records_own_jobs,
        in_place=options.in_place,
        job_environment=options.job_environment,
        serves_api=True,
    )
    with aws:
        if not ended.is_set():
            write_state(aws.environment, options.told)
        while not ended.is_set():
            if death := aws.death():
                # Before anything is asked or ended: commands wait for the word.
                write_death(death)
                death = replace(death, runs=runs_lost(aws.environment))
                write_death(death)
                raise LocalAwsError(death.sentence())
            _sleep(woken)
        # Whoever looks from now on finds nothing; what is left ends meanwhile.
        remove_state()


if __name__ == "__main__":
    main()
