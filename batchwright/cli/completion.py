"""`batchwright completion SHELL`: the script that lets a shell complete commands, run ids and names of workflows."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from batchwright.terminal.terminal import write

VARIABLE = "_BATCHWRIGHT_COMPLETE"
"""By which the script asks this program; click's name for it."""


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that completes commands in a shell.

    \b
    Examples:
      bash: eval "$(batchwright completion bash)"          in ~/.bashrc
      zsh:  eval "$(batchwright completion zsh)"           in ~/.zshrc
      fish: batchwright completion fish | source           in ~/.config/fish/config.fish
    """
    from batchwright.cli.group import main

    made = get_completion_class(shell)
    assert made is not None, "click knows these three"
    # Not its source(), which starts a bash to look at its version.
    script = made(main, {}, "batchwright", VARIABLE)
    write(script.source_template % script.source_vars())
