"""Text that somebody else wrote, as a chat shows it and does not obey it.

Slack takes `<!channel>`, `<@U123>` and `<https://...|...>` in a text for what they say, and three characters escape
them: https://docs.slack.dev/messaging/formatting-message-text. Teams reads the same entities. A bare `@here` is a
mention only where a webhook was told to link names; it is broken all the same.
"""

from __future__ import annotations

import re

from chalicelib.core.cleantext import cut

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "`": "'"}
_SPECIAL = re.compile("[&<>`]")
_MENTION = re.compile(r"@(?=(?:here|channel|everyone|all|team)\b)", re.IGNORECASE)
_BREAK = "@\N{WORD JOINER}"


def escaped(text: str, characters: int) -> str:
    """The text between markup, of so many characters at most as a chat counts them: escaped."""
    return _within(text, characters)


def code(text: str, characters: int) -> str:
    """The text as code, in which `*`, `_` and `~` mean nothing."""
    return f"`{_within(text, characters - 2)}`"


def code_block(lines: tuple[str, ...], characters: int) -> str:
    """The last lines that have room within so many characters, as a block of code; empty when none has."""
    frame = len("```\n\n```")
    kept: list[str] = []
    left = characters - frame
    for line in reversed(lines):
        shown = _escaped(line)
        if len(shown) + 1 > left:
            break
        kept.append(shown)
        left -= len(shown) + 1
    if not kept and lines and left > len("...") + 1:
        kept.append(_within(lines[-1], left - 1))
    return "```\n" + "\n".join(reversed(kept)) + "\n```" if kept else ""


def _escaped(text: str) -> str:
    # A backtick would begin code, or end it.
    return _SPECIAL.sub(lambda found: _ENTITIES[found[0]], _MENTION.sub(_BREAK, text))


def _within(text: str, characters: int) -> str:
    """The text escaped, cut before it is escaped so that no entity is cut in two."""
    length = max(0, characters)
    shown = _escaped(cut(text, length))
    while len(shown) > characters and length > 0:
        # No character becomes more than five.
        length -= max(1, (len(shown) - characters) // 5)
        shown = _escaped(cut(text, max(0, length)))
    return shown
