"""Bugs put into the handling of messages and timers, each of which some seed must catch."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.engine.inbox import commands, messages
from chalicelib.engine.world.world import DONE, NotBefore
from tests.bug import Bug, returns
from tests.simulation.mutation import Mutation


def _put_off_always(right, world, mailbox, message, verdict, about):
    messages._put_off(mailbox, message, 2)
    return False


def _obey_at_once(right, world, command):
    return right(world, replace(command, not_before_ms=min(command.not_before_ms, world.clock.now_ms())))


def _drop_the_early(right, world, command):
    outcome = right(world, command)
    return DONE if isinstance(outcome, NotBefore) else outcome


INBOX_MUTATIONS = {
    "a message that cannot be read is deleted": Mutation(
        Bug(messages._given_up, returns(True)),
        seeds=(5,),
    ),
    "waiting uses up a message's receipts": Mutation(
        Bug(messages._waits_elsewhere, _put_off_always),
        seeds=(35,),
    ),
    "a timer that comes early is obeyed": Mutation(
        Bug(commands._retry, _obey_at_once),
        seeds=(199,),
    ),
    "a timer that comes early is dropped": Mutation(
        Bug(commands._retry, _drop_the_early),
        seeds=(362,),
    ),
}
