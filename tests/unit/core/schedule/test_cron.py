"""Cron expressions: which days and times of day they name, and what is said of those that are none."""

from __future__ import annotations

from datetime import datetime
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.schedule.cron import parse_cron
from chalicelib.core.schedule.model import cron_rule


def times(text: str, first: str, count: int = 3) -> list[str]:
    found = islice(parse_cron(text).times_from(datetime.fromisoformat(first)), count)
    return [at.isoformat(sep=" ", timespec="minutes") for at in found]


@pytest.mark.parametrize(
    ("text", "first", "expected"),
    [
        ("0 9 * * ? *", "2026-03-01 09:00", ["2026-03-01 09:00", "2026-03-02 09:00", "2026-03-03 09:00"]),
        ("0 9 * * ? *", "2026-03-01 09:01", ["2026-03-02 09:00", "2026-03-03 09:00", "2026-03-04 09:00"]),
        ("0 9 ? * MON-FRI *", "2026-10-30", ["2026-10-30 09:00", "2026-11-02 09:00", "2026-11-03 09:00"]),
        ("0 9 ? * 2-6 *", "2026-10-30", ["2026-10-30 09:00", "2026-11-02 09:00", "2026-11-03 09:00"]),
        ("*/20 23 * * ? *", "2026-01-01 23:15", ["2026-01-01 23:20", "2026-01-01 23:40", "2026-01-02 23:00"]),
        ("5/20 0 * * ? *", "2026-01-01", ["2026-01-01 00:05", "2026-01-01 00:25", "2026-01-01 00:45"]),
        ("0 0-6/3 1 * ? *", "2026-01-01", ["2026-01-01 00:00", "2026-01-01 03:00", "2026-01-01 06:00"]),
        ("0 0 L * ? *", "2028-01-01", ["2028-01-31 00:00", "2028-02-29 00:00", "2028-03-31 00:00"]),
        # In 2026 the 31st of January is a Saturday, the 28th of February too, and the 31st of May a Sunday.
        ("0 0 LW * ? *", "2026-01-01", ["2026-01-30 00:00", "2026-02-27 00:00", "2026-03-31 00:00"]),
        ("0 0 lw 5-7 ? *", "2026-04-01", ["2026-05-29 00:00", "2026-06-30 00:00", "2026-07-31 00:00"]),
        ("0 0 29 2 ? *", "2026-01-01", ["2028-02-29 00:00", "2032-02-29 00:00", "2036-02-29 00:00"]),
        ("0 0 31 * ? *", "2026-01-01", ["2026-01-31 00:00", "2026-03-31 00:00", "2026-05-31 00:00"]),
        # The 1st of August 2026 is a Saturday, the 31st of May a Sunday.
        ("0 0 1W * ? *", "2026-07-01", ["2026-07-01 00:00", "2026-08-03 00:00", "2026-09-01 00:00"]),
        ("0 0 31W * ? *", "2026-03-01", ["2026-03-31 00:00", "2026-05-29 00:00", "2026-07-31 00:00"]),
        ("0 0 15W 8,11 ? 2026", "2026-01-01", ["2026-08-14 00:00", "2026-11-16 00:00"]),
        ("15 10 ? * 6L 2026-2027", "2026-01-01", ["2026-01-30 10:15", "2026-02-27 10:15", "2026-03-27 10:15"]),
        ("0 0 ? * FRIL *", "2026-01-01", ["2026-01-30 00:00", "2026-02-27 00:00", "2026-03-27 00:00"]),
        ("0 0 ? * 2#1 *", "2026-01-01", ["2026-01-05 00:00", "2026-02-02 00:00", "2026-03-02 00:00"]),
        ("0 0 ? * SUN#5 *", "2026-01-01", ["2026-03-29 00:00", "2026-05-31 00:00", "2026-08-30 00:00"]),
        ("0 0 ? * L *", "2026-01-01", ["2026-01-03 00:00", "2026-01-10 00:00", "2026-01-17 00:00"]),
        ("0 0 ? jan,DEC sun 2030/5", "2026-01-01", ["2030-01-06 00:00", "2030-01-13 00:00", "2030-01-20 00:00"]),
        ("0 0 1 1 ? 2020", "2026-01-01", []),
    ],
)
def test_an_expression_has_these_times(text: str, first: str, expected: list[str]) -> None:
    assert times(text, first) == expected


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("0 9 * * 1-5", "write '0 9 ? * MON-FRI *'"),
        ("*/15 9-17 * * *", "write '*/15 9-17 * * ? *'"),
        ("0 0 * * 0", "write '0 0 ? * SUN *'"),
        ("0 0 * * 7", "write '0 0 ? * SUN *'"),
        ("0 0 * * 5-7", "write '0 0 ? * SUN,FRI,SAT *'"),
        ("0 0 * * */2", "write '0 0 ? * SUN,TUE,THU,SAT *'"),
        ("0 0 1 * 1", "make two schedules, '0 0 1 * ? *' and '0 0 ? * MON *'"),
        ("@daily", "write '0 0 * * ? *'"),
        ("0 9 * *", "must have six fields"),
        ("", "must have six fields"),
        ("0 9 * * MON *", "write '0 9 ? * MON *'"),
        ("0 9 1 * * *", "write '0 9 1 * ? *'"),
        ("0 9 ? * ? *", "write '0 9 * * ? *'"),
        ("cron(0 9 * * ? *)", "write '0 9 * * ? *'"),
        ("61 2 * * *", "a Unix cron expression; as '61 2 * * ? *' it has 61 in minutes, which goes from 0 to 59"),
        ("61 2 * * * *", "as '61 2 * * ? *' it has 61 in minutes"),
        ("0 25 1 * 1", "as '0 25 1 * ? *' it has 25 in hours"),
        ("cron(61 9 * * ? *)", "as '61 9 * * ? *' it has 61 in minutes"),
        ("' 2 * * *", "is a Unix cron expression"),
        ("60 9 * * ? *", "has 60 in minutes, which goes from 0 to 59"),
        ("0 9 ? * 0 *", "has 0 in day-of-week, which goes from 1 to 7"),
        ("0 9 ? * FRI-MON *", "runs backwards"),
        ("0 9 ? * MUN *", "has 'MUN' in day-of-week"),
        ("0/0 9 * * ? *", "a step is 1 or more"),
        ("0 9 15W,L * ? *", "has '15W' in day-of-month"),
        ("0 9 L-1 * ? *", "has 'L-1' in day-of-month, 'L-1'; there may be '*', a number"),
        ("0 9 L-1 * ? *", "AWS documents no days before the last one"),
        ("0 9 WL * ? *", "'LW' (the last weekday)"),
        ("0 9 ? * LW *", "has 'LW' in day-of-week"),
        ("0 9 ? * 2#6 *", "has '2#6' in day-of-week"),
        ("0 9 30 2 ? *", "names no day of any year"),
        ("0 9 * * ? 2200", "goes from 1970 to 2199"),
        ("0 " * 200, "must have 240 characters or less"),
    ],
)
def test_what_is_no_expression_is_refused_with_what_to_write(text: str, told: str) -> None:
    broken = cron_rule(text)
    assert broken is not None
    assert told in f"{broken.text}; {broken.suggestion}"


FIELDS = st.tuples(
    st.sampled_from(["*", "0", "59", "5/7", "10-20", "1,2,50"]),
    st.sampled_from(["*", "0", "23", "*/6", "9-17", "2"]),
    st.sampled_from(
        ["* {m} ?", "1 {m} ?", "31 {m} ?", "L {m} ?", "LW {m} ?", "30W {m} ?", "? {m} MON", "? {m} 6L", "? {m} 3#5"]
    ),
    st.sampled_from(["*", "2", "JAN-MAR", "1/5", "12"]),
    st.sampled_from(["*", "2026", "2024-2028", "2025/3"]),
)
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1))


@given(FIELDS, MOMENTS)
def test_times_ascend_from_the_first_and_descend_to_it_again(fields: tuple[str, ...], first: datetime) -> None:
    minutes, hours, days, months, years = fields
    text = f"{minutes} {hours} {days.format(m=months)} {years}"
    if cron_rule(text):
        return
    cron = parse_cron(text)
    ahead = list(islice(cron.times_from(first), 20))
    assert ahead == sorted(set(ahead)) and all(at >= first for at in ahead)
    if ahead:
        back = list(islice(cron.times_until(ahead[-1]), len(ahead)))
        assert back == ahead[::-1]
