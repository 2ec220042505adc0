"""Tallies in the table: number sets of offsets that only ever grow within an epoch.

Owns the one conditional ADD that both records endings and returns the shard as it was before.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from chalicelib.aws.table.calls import Outcome, Table
from chalicelib.aws.table.items import tally_key, tally_of
from chalicelib.core.errors import TryAgain
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.plan.model import indexes_in
from chalicelib.core.run.records import Tally, check_endings
from chalicelib.core.states import ENDINGS, TaskState

NAMED_OFFSETS_MAXIMUM = 32
"""How many offsets one condition names: each stands in it four times, and DynamoDB takes 300 operators and functions
and 4 KB of expression. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html"""
_TRIES = 20


class DynamoTallies:
    """The part of the store port that is about tallies."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def tally(
        self, run_id: str, epoch: int, shard: int, endings: Mapping[TaskState, int], *, kept: bool = False
    ) -> Tally | None:
        endings = {ending: mask for ending, mask in endings.items() if mask}
        ended = check_endings(endings)
        if not endings:
            return self.read_tally(run_id, epoch, shard)
        if ended.bit_count() > NAMED_OFFSETS_MAXIMUM:
            return self._tally_many(run_id, epoch, shard, endings, kept=kept)
        clashes, values = [], {}
        for ending, mask in endings.items():
            for offset in indexes_in(0, mask):
                values[str(offset)] = offset
                clashes += [f"contains(#{other},:{offset})" for other in ENDINGS if other is not ending]
        condition = f"NOT ({' OR '.join(clashes)})"
        outcome = self._add(run_id, epoch, shard, endings, condition, values, kept=kept)
        return tally_of(outcome.item) if outcome.landed else None

    def read_tally(self, run_id: str, epoch: int, shard: int) -> Tally:
        return tally_of(self._table.get(tally_key(run_id, epoch, shard)))

    def halt(self, run_id: str, epoch: int, shard: int) -> None:
        self._table.add_if(tally_key(run_id, epoch, shard), "SET #halt = :halt", None, {"halt": True})

    def set_pace(self, run_id: str, epoch: int, shard: int, pace: int) -> None:
        lower = "attribute_not_exists(#pace) OR #pace < :pace"
        self._table.add_if(tally_key(run_id, epoch, shard), "SET #pace = :pace", lower, {"pace": pace})

    def note_jobs_told(self, run_id: str, epoch: int, shard: int, kind: NoticeKind, told: Collection[int]) -> None:
        if told:
            name = "waiting_told" if kind is NoticeKind.JOB_WAITING else "running_told"
            self._table.add_if(tally_key(run_id, epoch, shard), f"ADD #{name} :told", None, {"told": set(told)})

    def _tally_many(
        self, run_id: str, epoch: int, shard: int, endings: Mapping[TaskState, int], *, kept: bool
    ) -> Tally | None:
        """Add more offsets than a condition can name: read, then add if nothing was added in between.

        Sets only grow, so a set of the same size is the same set.
        """
        for _ in range(_TRIES):
            seen = self.read_tally(run_id, epoch, shard)
            if any(mask & seen.ended & ~seen.mask(ending) for ending, mask in endings.items()):
                return None
            sizes = {f"{ending}_size": seen.mask(ending).bit_count() for ending in ENDINGS if seen.mask(ending)}
            same = [
                f"size(#{ending}) = :{ending}_size" if seen.mask(ending) else f"attribute_not_exists(#{ending})"
                for ending in ENDINGS
            ]
            outcome = self._add(run_id, epoch, shard, endings, " AND ".join(same), sizes, kept=kept)
            if outcome.landed:
                return tally_of(outcome.item)
        raise TryAgain(f"the tally of shard {shard} of run {run_id} changed {_TRIES} times in a row")

    def _add(
        self,
        run_id: str,
        epoch: int,
        shard: int,
        endings: Mapping[TaskState, int],
        condition: str,
        values: Mapping[str, int],
        *,
        kept: bool,
    ) -> Outcome:
        added = {ending.value: set(indexes_in(0, mask)) for ending, mask in endings.items()}
        if kept and TaskState.FAILED in endings:
            added["kept_failed"] = added[TaskState.FAILED.value]
        update = "ADD " + ", ".join(f"#{name} :{name}" for name in added)
        return self._table.add_if(tally_key(run_id, epoch, shard), update, condition, {**values, **added})
