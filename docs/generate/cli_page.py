"""docs/reference/cli.md: every command with its arguments and options, from click."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator

import click

from batchwright.cli.group import main
from docs.generate.markdown import code, line, one_line, page, section

WHERE = ("--stage", "--profile", "--region", "--api")
FAULTS = ("--duplicate", "--drop", "--delay", "--reorder", "--seed", "--submit-rate", "--vcpus", "--record-own-jobs")
LOCAL = (*FAULTS, "--in-place", "--job-environment")
PLACES = (
    ("the local AWS that is up in this folder or above", "nothing, or `--stage local`"),
    ("a stage", "`--stage`, or `BATCHWRIGHT_STAGE`, with your AWS credentials"),
    ("an API", "`--api`, or `BATCHWRIGHT_API`, with the token in `BATCHWRIGHT_TOKEN`"),
)
PLACE_RULES = """An option goes before a variable, and a variable before a local AWS. Naming a stage and an API is a \
mistake. `doctor`, `verify`, `dead-letters` and `notices` do not work over an API."""
JSON = """Every command that shows something has `--json`. It prints one document (`logs`: one a line) and asks \
nothing. Its keys are those of the [HTTP API](http-api.md#models); keys are only added, and times are milliseconds \
since 1970. Complaints go to stderr."""
NAMES = """`RUN` and `JOB` may be the beginning of an id among the newest 1,000 (`JOB`: 8 characters or more). For \
`show`, `watch` and `logs`, `RUN` may be `latest`. `JOB:N` is child N of an array. `WHEN` is a duration back from \
now (`2d`), a day or a time."""
EXIT = (
    ("0", "All went well. With `watch` and `--wait`, the run succeeded."),
    ("1", "The run did not succeed, AWS or the API did not answer, or `doctor` or `verify` found something."),
    ("2", "Bad input: a file, a param, an option or a name that is not there. Nothing was changed."),
    ("130", "Interrupted. A watched run goes on."),
)


def make() -> str:
    commands = list(_commands(main, ""))
    shared = _repeated(commands)
    texts = frozenset(map(_option, shared.values()))
    here = [_option(option) for name, option in shared.items() if name not in LOCAL]
    local = [_option(option) for name, option in shared.items() if name in LOCAL]
    return page(
        "Commands",
        "the commands' own help",
        section("Where a command works", "\n".join(f"- {place}: {named}." for place, named in PLACES), PLACE_RULES),
        section("Shared options", "\n".join(here), "Local options, of `run`, `demo` and `local up`:", "\n".join(local)),
        JSON,
        NAMES,
        section("Commands", *(_entry(name, command, texts) for name, command in commands)),
        section("Exit codes", "\n".join(line(name, text) for name, text in EXIT)),
    )


def _commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    """The commands that do something, in their order, by name."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    if command.invoke_without_command:
        yield path, click.Command(path, help=command.help, params=command.params)
    context = click.Context(command)
    for name in command.list_commands(context):
        below = command.get_command(context, name)
        assert below is not None
        yield from _commands(below, f"{path} {name}".strip())


def _repeated(commands: list[tuple[str, click.Command]]) -> dict[str, click.Option]:
    """The options that several commands have with the same sentence, by name: described once."""
    found = [option for _, command in commands for option in _options(command)]
    often = Counter(map(_option, found))
    first = {option.opts[0]: option for option in reversed(found) if often[_option(option)] > 1}
    return {name: first[name] for name in dict.fromkeys(option.opts[0] for option in found) if name in first}


def _entry(name: str, command: click.Command, shared: Collection[str]) -> str:
    """A command: its arguments, the shared options that it has, what it does, and its own options."""
    arguments = [argument.make_metavar(click.Context(command)) for argument in command.params if _is_argument(argument)]
    options = _options(command)
    unmarked = ("--json", *WHERE, *LOCAL)
    marks = [option.opts[0] for option in options if _option(option) in shared and option.opts[0] not in unmarked]
    if any(option.opts[0] == LOCAL[0] for option in options):
        marks.append("local options")
    facts = f" ({', '.join(marks)})" if marks else ""
    own = [line for line in map(_option, options) if line not in shared]
    head = f"**`{' '.join([name, *arguments])}`**{facts}: {_sentence(command)}"
    return "\n".join([head, *([""] if own else []), *own])


def _is_argument(parameter: click.Parameter) -> bool:
    return isinstance(parameter, click.Argument)


def _options(command: click.Command) -> list[click.Option]:
    return [parameter for parameter in command.params if isinstance(parameter, click.Option)]


def _sentence(command: click.Command) -> str:
    return one_line((command.help or "").replace("\b", "").partition("\n\n")[0])


def _option(option: click.Option) -> str:
    names = ", ".join(code(name) for name in (*option.opts, *option.secondary_opts))
    value = f" {option.metavar}" if option.metavar and not option.is_flag else ""
    return f"- {names}{value}: {one_line(option.help or '')}"
