"""Bugs put into the engine on purpose, each of which some seed must catch: the proof that the judge judges."""

from __future__ import annotations

from chalicelib.core.plan import retry
from chalicelib.core.run import advance, redrive
from chalicelib.core.schedule import decisions
from chalicelib.engine.advance import finish, job_events, settle, submit
from chalicelib.engine.control import cancel, heal, start
from chalicelib.engine.control import redrive as redrive_engine
from chalicelib.engine.inbox import commands, messages, sweep
from chalicelib.engine.publishing import bus as taskchanges
from chalicelib.engine.publishing import deliver, failures, outbox, overdue
from chalicelib.engine.publishing import window as digest
from chalicelib.engine.publishing.outbox import _Telling
from chalicelib.engine.schedules import due_times
from tests.bug import Bug
from tests.memory.store import MemoryStore
from tests.simulation.faults import FORBIDDEN
from tests.simulation.lease_mutations import LEASE_MUTATIONS
from tests.simulation.monitor_mutations import MONITOR_MUTATIONS
from tests.simulation.mutation import Mutation
from tests.simulation.scope import Scope
from tests.simulation.telling import NAME as TELLING

_COMMIT_FIRST = """\
    for ending, change in ended.values():
        _commit(world, facts, ending, change)
    tallies: dict[int, Tally] = {}
"""

MUTATIONS = {
    **MONITOR_MUTATIONS,
    **LEASE_MUTATIONS,
    "the record is committed before anything else": Mutation(
        Bug(job_events, "_end", {"    tallies: dict[int, Tally] = {}\n": _COMMIT_FIRST}),
        seeds=(11,),
    ),
    "a run succeeds without the result of a task that was doomed": Mutation(
        Bug(advance, "run_ending", {"WITHOUT_RESULT": "(TaskState.FAILED,)"}),
        seeds=(136,),
    ),
    "an array of none is submitted": Mutation(
        Bug(settle, "_cascade", {", facts.empty)": ")"}),
        seeds=(10,),
    ),
    "an array of none that follows nothing is submitted": Mutation(
        Bug(start, "_start_roots", {"facts.empty.isdisjoint(roots)": "True"}),
        seeds=(10,),
    ),
    "a redrive keeps what was made with another param": Mutation(
        Bug(redrive, "_check_params", {"if other else []": "if False else []"}),
        seeds=(72,),
    ),
    "a redrive forgets the new value of a param": Mutation(
        Bug(redrive_engine, "_following", {", **redrive.params}": "}"}),
        seeds=(7,),
    ),
    "the halt flag is not read before a submission": Mutation(
        Bug(submit, "_submit_wanted", {"if tally.halt or tally.ending_of(offset_of(attempt.index)):": "if False:"}),
        seeds=(14,),
    ),
    "a retry's claim does not name the attempt that it replaces": Mutation(
        Bug(
            MemoryStore,
            "claim",
            {
                "(found.state, found.attempt, found.job_id) != (TaskState.WAITING, before, replaces_job)": (
                    "before and found.state is not TaskState.WAITING"
                )
            },
        ),
        seeds=(1292,),
    ),
    "a retry is read off a repeated failure": Mutation(
        Bug(
            job_events,
            "_decide",
            {
                "record.attempt != attempt or record.state is TaskState.WAITING": "False",
                "record.job_id not in (None, change.job_id)": "False",
            },
        ),
        seeds=(70,),
    ),
    "a shard's old read is used in a cascade": Mutation(
        Bug(settle, "_cascade", {"        known = newest(touched)": "        known |= newest(touched)"}),
        seeds=(7195,),
    ),
    "a task is submitted without a claim": Mutation(
        Bug(submit, "_claim", {"if stood is None:": "if True:"}),
        seeds=(19,),
    ),
    "another's open claim is taken for done": Mutation(
        Bug(submit, "_claim", {"return NotYet(_seconds_left(stood.claim, now_ms)": "return DONE if True else (0"}),
        seeds=(14,),
    ),
    "a claim is taken over while its owner may live": Mutation(
        Bug(submit, "_claim", {"stood.claim.lease_until_ms > now_ms": "stood.claim.lease_until_ms > now_ms + 60_000"}),
        seeds=(1065,),
    ),
    "a dead owner's job is not looked for": Mutation(
        Bug(submit, "_submit_one", {"_orphan_of(world, facts, attempt, held)": "None"}),
        seeds=(235,),
    ),
    "a submission whose answer was lost is made again at once": Mutation(
        Bug(submit, "_submit_one", {"except AnswerLost as lost:": "except ZeroDivisionError as lost:"}),
        seeds=(70,),
    ),
    "a second job is left alive": Mutation(
        Bug(
            submit,
            "terminate_unless_wanted",
            {"if not known and record.job_id:": "if False:", "elif not known or cancelled:": "elif cancelled:"},
        ),
        seeds=(323,),
    ),
    "the recorded job of a pair is left alive": Mutation(
        Bug(job_events, "_commit", {"before.job_id not in (None, change.job_id)": "False"}),
        seeds=(3049,),
    ),
    "an event adopts no job": Mutation(
        Bug(
            MemoryStore,
            "observe",
            {"found.job_id != job_id and not _is_open_claim(found, attempt)": "not found.job_id"},
        ),
        seeds=(18,),
    ),
    "a job's id is recorded whatever became of the claim": Mutation(
        Bug(MemoryStore, "record_job", {"not _is_open_claim(found, attempt)": "False"}),
        seeds=(41,),
    ),
    "a run ends although a shard was not read after the last write": Mutation(
        Bug(finish, "finish_if_full", {"newest(touched).items()": "touched.items()"}),
        seeds=(116,),
    ),
    "a run is told ended by the one who ended it alone": Mutation(
        Bug(finish, "_finish", {"run.epoch != epoch:": "run.ended_at_ms != now_ms:"}),
        seeds=(28,),
    ),
    "a timer that is faster than the record is dropped": Mutation(
        Bug(submit, "_past", {"if _is_before(record, wanted):": "if False:"}),
        seeds=(1329,),
    ),
    "a retry is rendered before the attempt before it has ended": Mutation(
        Bug(submit, "_past", {"waits or record.attempt == attempt": "True"}),
        seeds=(1535,),
    ),
    "a retry is rendered without what its earlier attempts came to": Mutation(
        Bug(submit, "_past", {"        return record.past\n": "        return ()\n"}),
        seeds=(54,),
    ),
    "a claim does not say what is asked for": Mutation(
        Bug(submit, "_claim", {"requested=requested, ": ""}),
        seeds=(0,),
    ),
    "a retry's record is written before its timer": Mutation(
        Bug(
            job_events,
            "_arrange_retry",
            {
                "    if after_seconds <= TIMER": (
                    "    landed = world.store.wait_for_retry(attempt, result, not_before_ms)\n"
                    "    if after_seconds <= TIMER"
                ),
                "if world.store.wait_for_retry(attempt, result, not_before_ms):": "if landed:",
            },
        ),
        seeds=(78,),
    ),
    "a terminal record is taken for a handled one": Mutation(
        Bug(job_events, "_is_handled", {" and record.result is not None": ""}),
        seeds=(12102,),
    ),
    "a foreign job's event is taken for ours": Mutation(
        Bug(job_events, "_is_ours", {" and change.job_name == job_name(change.attempt, tasks[index].name)": ""}),
        seeds=(291,),
    ),
    "nobody ends a run whose last task was given up": Mutation(
        Bug(submit, "_give_up", {"if ours:": "if False:"}),
        seeds=(684,),
    ),
    "a canceller does not mark open claims": Mutation(
        Bug(cancel, "_look_at", {"_surely_no_job(world, facts, record, work)": "False"}),
        seeds=(4,),
    ),
    "a message that cannot be read is deleted": Mutation(
        Bug(messages, "_conclude", {"not given_up, verdict.reason": "False, ''"}),
        seeds=(5,),
    ),
    "waiting uses up a message's receipts": Mutation(
        Bug(
            messages,
            "_waits_elsewhere",
            {"message.receive_count < COPIED_AT_RECEIPT": "True", "mailbox, message, seconds)": "mailbox, message, 2)"},
        ),
        seeds=(35,),
    ),
    "a long timer is sent again and again": Mutation(
        Bug(
            commands,
            "_retry",
            {
                "left_seconds > TIMER_SECONDS_MAXIMUM:": "left_seconds > 900:\n"
                "        from chalicelib.core.run.commands import encode\n"
                "        world.commands.send([encode(command)], delay_seconds=900)"
            },
        ),
        seeds=(173,),
        also=(Bug(job_events, "_arrange_retry", {"after_seconds <= TIMER_SECONDS_MAXIMUM": "True"}),),
    ),
    "nobody sets the timers of long waits": Mutation(
        Bug(heal, "_wants_timer", {"is_long and": "False and"}),
        seeds=(173,),
    ),
    "each look sets the timers of long waits": Mutation(
        Bug(heal, "_wants_timer", {"look.before_ms + _DELAY_MS < ": ""}),
        seeds=(173,),
    ),
    "a look sets the timers that messages are": Mutation(
        Bug(heal, "_wants_timer", {"is_long and": ""}),
        seeds=(1688,),
    ),
    "a timer that comes early is obeyed": Mutation(
        Bug(commands, "_retry", {"left_seconds > 0:": "False:"}),
        seeds=(199,),
    ),
    "a timer that comes early is dropped": Mutation(
        Bug(commands, "_retry", {"return NotBefore(left_seconds, ": "return DONE or (left_seconds, "}),
        seeds=(362,),
    ),
    "the sweep asks Batch about no job": Mutation(
        Bug(heal, "_look", {"found.to_describe.append(record)": "pass"}),
        seeds=(45,),
    ),
    "a job is taken for forgotten at the first look": Mutation(
        Bug(
            heal,
            "_ask_batch",
            {
                "elif record.missing_since_ms is None:": "elif False:",
                "now_ms - record.missing_since_ms >= world.settings.sweep_seconds * 1000": "True",
            },
        ),
        seeds=(233,),
    ),
    "the sweep judges no task that nobody claimed": Mutation(
        Bug(heal, "heal_shard", {"if untouched:": "if False:"}),
        seeds=(3,),
    ),
    "a pause is not looked at before a submission": Mutation(
        Bug(submit, "_submit_wanted", {"if tally.paused:": "if False:"}),
        seeds=(22,),
    ),
    "a late pause undoes the resume after it": Mutation(
        Bug(MemoryStore, "set_pace", {"seen.pace < pace": "seen.pace != pace"}),
        seeds=(3151,),
    ),
    "claims given back for a pause are not taken up by the resume": Mutation(
        Bug(heal, "_look", {"elif ended or not idle:": "elif ended:"}),
        seeds=(21,),
    ),
    "a dead owner's claim is given back for a pause, unlooked": Mutation(
        Bug(submit, "_put_off", {"_orphan_of(world, facts, attempt, held)": "None"}),
        seeds=(3451,),
    ),
    "what follows a task that is redriven keeps its ending": Mutation(
        Bug(redrive, "kept_endings", {" or not again.isdisjoint(new.parents[index])": ""}),
        seeds=(537,),
    ),
    "a redriven run goes on before what it keeps stands in its tallies": Mutation(
        Bug(heal, "heal_run", {"facts = prepare(world, run)": "facts = world.facts_of(run)"}),
        seeds=(69,),
    ),
    "the last ending of an epoch ends the next one": Mutation(
        Bug(MemoryStore, "change_run", {"stored.epoch != epoch or ": ""}),
        seeds=(632,),
    ),
    "a redrive does not see to it that the ending before it was told": Mutation(
        Bug(redrive_engine, "_following", {"untold = run.untold | ": "untold = "}),
        seeds=(685,),
    ),
    "failures of one class use up the attempts of the others": Mutation(
        Bug(retry, "_bucket", {"lambda other: other not in named": "lambda other: True"}),
        seeds=(162,),
    ),
    "a retry goes to the queue that the task began in": Mutation(
        Bug(retry, "queue_after", {"reversed(failures)": "()"}),
        seeds=(54,),
    ),
    "a schedule's record is written whatever became of it meanwhile": Mutation(
        Bug(MemoryStore, "put_schedule", {"(stored.revision if stored else 0) != record.revision - 1": "False"}),
        seeds=(458,),
    ),
    "the run of a time is started before the time is in the record": Mutation(
        Bug(
            due_times,
            "attend",
            {
                "        written = write(world, record, decided)\n": "        if isinstance(step, Start):\n"
                "            _start(world, replace(decided, revision=0), step.times_ms)\n"
                "        written = write(world, record, decided)\n"
            },
        ),
        seeds=(5240,),
    ),
    "a run that goes on is taken for one that has ended": Mutation(
        Bug(due_times, "active_run", {"ActiveRun.ENDED if ended else ActiveRun.GOING": "ActiveRun.ENDED"}),
        seeds=(147,),
    ),
    "nobody says that the run of a schedule has ended": Mutation(
        Bug(outbox, "_tell_ended", {"if run.schedule is not None and Place.SCHEDULE in places:": "if False:"}),
        seeds=(898,),
    ),
    "the times of a pause are decided when they come": Mutation(
        Bug(decisions, "due", {" or record.paused_at_ms is not None": ""}),
        seeds=(229,),
    ),
    "a time that was begun is taken for started": Mutation(
        Bug(
            due_times,
            "active_run",
            {"if record.active_has_run else None": "or Run('', '', 0, '', {}, RunState.RUNNING, 0, '')"},
        ),
        seeds=(227,),
    ),
    "a digest is named by its window, and not by what it tells": Mutation(
        Bug(
            failures,
            "tell_task_failures",
            {
                "tasks_failed(run, world.stage, world.clock.now_ms(), members, jobs, queues)": (
                    "__import__('dataclasses').replace(tasks_failed(run, world.stage, 0, members, jobs, queues), "
                    "notice_id=f'{command.scope}/task_failed/{window.number}')"
                )
            },
        ),
        seeds=(1679,),
    ),
    "a window is opened before its command is sent": Mutation(
        Bug(
            digest,
            "see_to_window",
            {
                "    world.commands.send([encode(command(number, closes_ms))]": (
                    "    world.store.open_window(scope, number, opener, closes_ms, step)\n"
                    "    world.commands.send([encode(command(number, closes_ms))]"
                )
            },
        ),
        seeds=(2805,),
        scope=Scope(shares={"telling": 1.0, "death_after": 1.0}),
    ),
    "a digest is noted as told before it is": Mutation(
        Bug(
            digest,
            "tell_digest",
            {
                "    if members > closed.told_count:\n": (
                    "    world.store.settle_window(scope, number, members, world.owner)\n"
                    "    if members > closed.told_count:\n"
                )
            },
        ),
        seeds=(5650,),
    ),
    "the sweep does not make up for a digest that nobody told": Mutation(
        Bug(sweep, "_tell", {"if reads_all or any(failed.values()):": "if False:"}),
        seeds=(5842,),
    ),
    "a window that is open when the sweep looks at its ended run is left to its command": Mutation(
        Bug(failures, "note_untold", {"if not run.state.ended and not is_overdue": "if not is_overdue"}),
        seeds=(5842,),
    ),
    "a failure is committed before it is seen to that it is told": Mutation(
        Bug(
            job_events,
            "_end",
            {
                "    note_failures(": "    if not isinstance(outcome, NotYet):\n"
                "        for ending, change in ended.values():\n"
                "            _commit(world, facts, ending, change)\n"
                "    note_failures("
            },
        ),
        seeds=(115,),
    ),
    "what a redrive keeps is told as if it had failed again": Mutation(
        Bug(failures, "to_be_told", {" & ~tally.kept_failed": ""}),
        seeds=(72382,),
    ),
    "a task's ending is told after it was committed": Mutation(
        Bug(
            job_events,
            "_end",
            {
                "    _tell_ended(world, facts, ended)\n": "",
                "        _commit(world, facts, ending, change)\n": "        _commit(world, facts, ending, change)\n"
                "    _tell_ended(world, facts, ended)\n",
            },
        ),
        seeds=(115,),
    ),
    "nobody notes that a start is to be told": Mutation(
        Bug(start, "_create_run", {"untold = start_to_tell(world, wanted)": "untold = frozenset()"}),
        seeds=(14,),
    ),
    "a queue that is gone keeps its run from ending": Mutation(
        Bug(deliver, "_try", {"telemetry.telling_refused(world)\n        log.warning(": "raise\n        log.warning("}),
        seeds=(88,),
    ),
    "what was not told counts as told": Mutation(
        Bug(_Telling, "tell", {" if one.item not in not_told": ""}),
        seeds=(93,),
    ),
    "a place that fails makes the others hear again": Mutation(
        Bug(_Telling, "tell", {"return sorted(": "return [] if not_told else sorted("}),
        seeds=(1635,),
    ),
    "a digest that one place missed is not remembered": Mutation(
        Bug(failures, "tell_task_failures", {"    remember(": "    (lambda *missed: None)("}),
        seeds=(236,),
        scope=Scope(shares={TELLING: 1.0, "deaf": 1.0}),
    ),
    "what the event bus missed of tasks is not remembered": Mutation(
        Bug(
            taskchanges,
            "tell_tasks",
            {"if not tell_changes(world, changes):": "if tell_changes(world, changes) is None:"},
        ),
        seeds=(349,),
    ),
    "what the event bus missed of tasks is read off committed records alone": Mutation(
        Bug(
            taskchanges,
            "tell_shard",
            {"tally.ending_of(offset_of(record.attempt.index))": "record.state if record.state.ended else None"},
        ),
        seeds=(82,),
        scope=Scope(shares={"telling": 1.0, "deaf": 1.0, "event_twice": 1.0, "redelivery": 1.0, "slow_call": 1.0}),
    ),
    "an epoch begins over what was noted meanwhile": Mutation(
        Bug(
            MemoryStore,
            "begin_epoch",
            {"(stored.untold, stored.lease) != (before.untold, before.lease)": "False"},
        ),
        seeds=(913,),
        scope=Scope(shares={"telling": 1.0}),
    ),
    "an allowed failure is told as one that is not": Mutation(
        Bug(failures, "to_be_told", {" & ~facts.plan.allowed_failures.get(shard, 0)": ""}),
        seeds=(230,),
    ),
    "a run that is late is not told": Mutation(
        Bug(sweep, "_late_to_tell", {"return untold(": "return frozenset() and untold("}),
        seeds=(181,),
    ),
    "jobs that wait or run for long are not told": Mutation(
        Bug(overdue, "tell_overdue", {"deliver(world, run.notify,": "(lambda *told: None)(world, run.notify,"}),
        seeds=(558,),
    ),
    "a cancel is told before it ends anything": Mutation(
        Bug(cancel, "cancel_run", {"    shards = range(": "    tell_or_leave(world, run)\n    shards = range("}),
        seeds=(14,),
    ),
    "a topic that refuses for good takes messages to the dead letters": Mutation(
        Bug(
            deliver,
            "_try",
            {"telemetry.telling_refused(world)\n        log.exception(": "raise\n        log.exception("},
        ),
        seeds=(14,),
    ),
    "a permission that is not in force yet is a refusal": Mutation(
        Bug(submit, "_refused_or_early", {"if left_seconds <= 0:": "if True:"}),
        seeds=(0,),
        scope=Scope(shares={FORBIDDEN: 1.0}),
    ),
    "a missing permission is asked for without end": Mutation(
        Bug(submit, "_refused_or_early", {"forbidden_since_ms=since_ms": "forbidden_since_ms=now_ms"}),
        seeds=(31,),
        scope=Scope(shares={FORBIDDEN: 1.0}),
    ),
}
