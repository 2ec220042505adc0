"""Import one part of the films into the table: one child of the array job.

A retry of the task is a new array job of all parts, so a child leaves `imported/<part>.json` behind when its part
is in the table, and the same child of the next attempt has nothing to do. The note names the part's content and
the table's id: after another split, or into another table, the part is imported anew. Importing twice is harmless
anyway, for a film is one item under its own id.
"""

import os
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from films import Film, MovieRatingsError, table_item
from run_folder import CLIENT_CONFIG, RunFolder, arguments, run_script, say

FILMS_A_CALL = 25  # the most that BatchWriteItem takes
TRIES = 10
LONGEST_PAUSE_SECONDS = 5.0

Requests = list[dict[str, Any]]


def batches(films: list[Film]) -> Iterator[Requests]:
    """The films as lists of put requests, each as large as one call may be."""
    for start in range(0, len(films), FILMS_A_CALL):
        yield [{"PutRequest": {"Item": table_item(film)}} for film in films[start : start + FILMS_A_CALL]]


def write_batch(
    send: Callable[[Requests], Requests],
    requests: Requests,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Send until nothing is left over, with longer and longer pauses.

    `send` returns what the table did not take (UnprocessedItems). A busy table answers a call with success and
    takes only some of its items, so the client's own retries do not see it.
    """
    for attempt in range(TRIES):
        requests = send(requests)
        if not requests:
            return
        longest = min(LONGEST_PAUSE_SECONDS, 0.05 * 2**attempt)
        # A random part keeps the children of an array from coming back all at once.
        pause(longest * random.uniform(0.5, 1.0))
    raise MovieRatingsError(f"the table did not take {len(requests)} films in {TRIES} tries; try again later")


def import_films(table: str, films: list[Film], part: int, writers: int) -> None:
    """Put every film into the table, `writers` calls at a time."""
    dynamodb = boto3.client("dynamodb", config=CLIENT_CONFIG)

    def send(requests: Requests) -> Requests:
        answer = dynamodb.batch_write_item(RequestItems={table: requests})
        left_over: Requests = answer["UnprocessedItems"].get(table, [])
        return left_over

    def write(requests: Requests) -> int:
        write_batch(send, requests)
        return len(requests)

    done = 0
    next_line = quarter = len(films) / 4
    with ThreadPoolExecutor(writers) as pool:
        for count in pool.map(write, batches(films)):
            done += count
            if done >= next_line:
                say(f"part {part}: {done:,} of {len(films):,} films are in the table")
                next_line += quarter


def main() -> None:
    parser = arguments("Import one part of the films into the table.")
    parser.add_argument(
        "--part",
        type=int,
        default=os.environ.get("AWS_BATCH_JOB_ARRAY_INDEX"),
        help="which part, from 0; in an array job, the child's index",
    )
    parser.add_argument("--attempt", type=int, default=1, help="which attempt of the task this is, from 1")
    parser.add_argument("--fail-first-attempt-of-part", type=int, default=-1, help="to show a retry")
    parser.add_argument("--writers", type=int, default=4, help="how many calls are under way at a time")
    options = parser.parse_args()
    if options.part is None:
        parser.error("say which --part; outside an array job there is no AWS_BATCH_JOB_ARRAY_INDEX")
    folder = RunFolder(options.bucket, options.run)
    split = folder.read_json("split.json")
    part, parts, doomed = options.part, len(split["parts"]), options.fail_first_attempt_of_part
    if not 0 <= part < parts:
        raise MovieRatingsError(f"the part must be from 0 to {parts - 1}, not {part}")
    if not -1 <= doomed < parts:
        raise MovieRatingsError(
            f"fail_first_attempt_of_part must be a part from 0 to {parts - 1}, or -1 for none, not {doomed}"
        )

    note_name = f"imported/{part:05d}.json"
    note = {**split["parts"][part], "table": split["table"], "table_id": split["table_id"]}
    if folder.find_json(note_name) == note:
        say(f"part {part}: its {note['films']:,} films are in the table since an earlier attempt")
        return
    films = folder.read_part(part)
    started = time.monotonic()
    if part == doomed and options.attempt == 1:
        half = films[: len(films) // 2]
        import_films(split["table"], half, part, options.writers)
        raise MovieRatingsError(
            f"part {part} fails on purpose after {len(half):,} of its {len(films):,} films, "
            "as the param fail_first_attempt_of_part asks"
        )
    import_films(split["table"], films, part, options.writers)
    folder.write_json(note_name, note)
    seconds = time.monotonic() - started
    say(f"part {part}: imported {len(films):,} films into {split['table']} in {seconds:.1f} s")


if __name__ == "__main__":
    run_script(main)
