"""Batch's retryStrategy, time-outs and memory limits, with real processes."""

from __future__ import annotations

from .account import BatchAccount, EventQueue

SUCCEED_AT_SECOND = "import os; raise SystemExit(0 if os.environ['AWS_BATCH_JOB_ATTEMPT'] == '2' else 7)"
IGNORE_SIGTERM = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"


def test_a_failed_attempt_is_followed_by_another(account: BatchAccount, events: EventQueue) -> None:
    job_id = account.python(SUCCEED_AT_SECOND, retryStrategy={"attempts": 3})
    told = events.until(job_id, "SUCCEEDED")
    walk = [(event["detail"]["status"], len(event["detail"]["attempts"])) for event in told]
    assert walk == [
        *[("RUNNABLE", 0), ("STARTING", 0), ("RUNNING", 0)],
        *[("RUNNABLE", 1), ("STARTING", 1), ("RUNNING", 1), ("SUCCEEDED", 2)],
    ]
    first, second = told[-1]["detail"]["attempts"]
    assert (first["container"]["exitCode"], second["container"]["exitCode"]) == (7, 0)
    assert first["container"]["logStreamName"] != second["container"]["logStreamName"]


def test_attempts_run_out(account: BatchAccount) -> None:
    job = account.finish(account.submit("false", retryStrategy={"attempts": 2}))
    assert (job["status"], len(job["attempts"])) == ("FAILED", 2)


def test_a_rule_may_forbid_the_retry(account: BatchAccount) -> None:
    rules = [{"onExitCode": "1", "action": "EXIT"}]
    job = account.finish(account.submit("false", retryStrategy={"attempts": 5, "evaluateOnExit": rules}))
    assert len(job["attempts"]) == 1


def test_a_command_that_cannot_start_uses_its_attempts_up(account: BatchAccount) -> None:
    job = account.finish(account.submit("no-such-program", retryStrategy={"attempts": 2}))
    assert (job["status"], len(job["attempts"])) == ("FAILED", 2)


def test_a_time_out_ends_the_attempt_and_is_never_retried(account: BatchAccount) -> None:
    job_id = account.submit("sleep", "60", timeout={"attemptDurationSeconds": 1}, retryStrategy={"attempts": 3})
    job = account.finish(job_id)
    assert (job["status"], job["statusReason"]) == ("FAILED", "Job attempt duration exceeded timeout")
    assert len(job["attempts"]) == 1
    assert job["attempts"][0]["container"]["exitCode"] == 143
    assert (job["isCancelled"], job["isTerminated"]) == (False, False)
    assert 1000 <= job["stoppedAt"] - job["startedAt"] < 3000


def test_a_process_that_ignores_sigterm_is_killed_after_the_grace(account: BatchAccount) -> None:
    job = account.finish(account.python(IGNORE_SIGTERM, timeout={"attemptDurationSeconds": 1}))
    assert job["container"]["exitCode"] == 137
    assert job["statusReason"] == "Job attempt duration exceeded timeout"
    assert job["stoppedAt"] - job["startedAt"] >= 1500


def test_a_job_that_ends_in_time_does_not_hear_of_its_time_out(account: BatchAccount) -> None:
    job = account.finish(account.submit("true", timeout={"attemptDurationSeconds": 1}))
    assert job["status"] == "SUCCEEDED"
    assert job["timeout"] == {"attemptDurationSeconds": 1}


def test_a_job_above_its_memory_limit_is_killed_as_out_of_memory(account: BatchAccount, events: EventQueue) -> None:
    limit = {"resourceRequirements": [{"type": "MEMORY", "value": "64"}]}
    source = "import time; block = bytearray(200_000_000); block[::4096] = b'x' * len(block[::4096]); time.sleep(60)"
    detail = events.until(account.python(source, overrides=limit), "FAILED")[-1]["detail"]
    assert detail["container"]["exitCode"] == 137
    assert detail["container"]["reason"] == "OutOfMemoryError: Container killed due to memory usage"
    assert detail["statusReason"] == "Essential container in task exited"


def test_the_memory_of_child_processes_counts(account: BatchAccount) -> None:
    limit = {"resourceRequirements": [{"type": "MEMORY", "value": "64"}]}
    inner = "import time; block = bytearray(200_000_000); block[::4096] = b'x' * len(block[::4096]); time.sleep(60)"
    source = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}])"
    job = account.finish(account.python(source, overrides=limit))
    assert job["container"]["reason"] == "OutOfMemoryError: Container killed due to memory usage"


def test_overrides_above_8192_characters_fail_the_job_later(account: BatchAccount) -> None:
    overrides = {"environment": [{"name": "BIG", "value": "x" * 9000}]}
    job = account.finish(account.submit("true", overrides=overrides, retryStrategy={"attempts": 3}))
    assert (job["status"], job["statusReason"]) == ("FAILED", "Container Overrides length must be at most 8192")
