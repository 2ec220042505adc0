"""`python -m batchwright.local.supervisor`: holds a local AWS up until it is told to end."""

from __future__ import annotations

import signal
import sys
import threading

import click

from batchwright.local.home import home, remove_state, write_state
from batchwright.local.options import LocalOptions, local_options
from batchwright.local.stack import LocalAws
from chalicelib.core.errors import BatchwrightError


@click.command()
@local_options
def main(options: LocalOptions) -> None:
    """Start a local AWS, say so in its folder, and stop it at SIGTERM or SIGINT."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    aws = LocalAws(home(), faults=options.faults, submit_rate=options.submit_rate, max_vcpus=options.max_vcpus)
    try:
        aws.start()
        write_state(aws.environment, sys.argv[1:])
        ended.wait()
    except BatchwrightError as error:
        raise SystemExit(str(error)) from error
    finally:
        remove_state()
        aws.stop()


if __name__ == "__main__":
    main()
