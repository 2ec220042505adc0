"""What commands say when AWS, or what stands before it, did not do its part."""

from botocore.exceptions import ClientError

from batchwright.terminal.aws_words import sentence
from chalicelib.core.errors import SchedulesNotPlaced


def test_a_push_that_was_done_in_part_says_so_whatever_refused_the_rest() -> None:
    error = SchedulesNotPlaced("workflow 'w' is pushed as version 2, but")
    error.__cause__ = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "CreateSchedule")
    assert sentence("AWS", error) == str(error)
