"""Check that the table holds as many films as the archive had rows.

Counts for real, with a consistent scan of every page: the count that DescribeTable gives is hours old.
"""

from typing import Any

import boto3
from films import MovieRatingsError
from run_folder import CLIENT_CONFIG, RunFolder, arguments, run_script, say


def verdict(table: str, expected: int, counted: int) -> str:
    """The sentence for the log, or MovieRatingsError where the counts differ."""
    if counted < expected:
        raise MovieRatingsError(
            f"the table {table} holds {counted:,} films, but the archive has {expected:,}: "
            f"{expected - counted:,} are missing"
        )
    if counted > expected:
        raise MovieRatingsError(
            f"the table {table} holds {counted:,} films, but the archive has only {expected:,}: "
            f"{counted - expected:,} came from elsewhere"
        )
    return f"the table {table} holds {counted:,} films, as many as the archive"


def count_items(dynamodb: Any, table: str) -> tuple[int, int]:
    """How many items the table holds, and how many pages it took to count them."""
    counted = pages = 0
    paginator = dynamodb.get_paginator("scan")
    for page in paginator.paginate(TableName=table, Select="COUNT", ConsistentRead=True):
        counted += page["Count"]
        pages += 1
    return counted, pages


def main() -> None:
    options = arguments("Check the number of films in the table.").parse_args()
    folder = RunFolder(options.bucket, options.run)
    split = folder.read_json("split.json")
    counted, pages = count_items(boto3.client("dynamodb", config=CLIENT_CONFIG), split["table"])
    say(f"counted {counted:,} films on {pages} pages of a consistent scan")
    say(verdict(split["table"], split["films"], counted))
    folder.write_json("check.json", {"films_expected": split["films"], "films_counted": counted})


if __name__ == "__main__":
    run_script(main)
