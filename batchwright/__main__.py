"""`python -m batchwright`: the command line."""

from batchwright.cli.group import main

main()
