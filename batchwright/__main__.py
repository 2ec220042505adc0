"""`python -m batchwright`: the command line."""

from batchwright.cli import main

main()
