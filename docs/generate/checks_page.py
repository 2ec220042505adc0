"""docs/reference/checks.md: what `verify` and `doctor` check, and the permissions that commands need.

The rows of verify are its table of assumptions. The rules of the doctor are held to its source.
"""

from __future__ import annotations

from batchwright.stage.project import PROJECT_FOLDER
from batchwright.verify.assumptions import ASSUMPTIONS
from docs.generate.markdown import line, page, section

VERDICTS = (
    ("holds", "AWS did what is assumed."),
    ("does not hold", "AWS did something else. Please report it."),
    ("not here", "This place cannot answer, such as an emulator. It is no pass."),
    ("not seen", "Nothing came that would show it, or you lack the permission."),
)
ERRORS = (
    "a task ends once",
    "only the plan's tasks end",
    "only the plan's tasks have records",
    "a tally comes before its record",
    "only a claimed task gets a job",
    "a run ends when all its tasks did",
    "a run ends as its tallies say",
    "a run that goes on is due for the sweep",
    "a redriven run is prepared first",
    "a kept ending stays",
    "an attempt has one job",
    "no job outlives its run",
    "a queue's function may send to its own queue",
    "what a function reports as failed comes again",
    "a queue leaves executions to others",
    "strangers cannot use up the authorizer",
    "the event bus is there",
)
LATE = (
    "who tallies commits",
    "a dead claim is taken over",
    "a retry comes when it is due",
    "a job's end is heard of",
    "a run ends with its last task",
    "a run that is due is swept",
)
PERMISSIONS = {
    "every command with `--stage`": "`cloudformation:DescribeStacks`; `dynamodb:GetItem` `BatchGetItem` `Query` on the "
    "table and its indexes",
    "start, push, delete": "`dynamodb:PutItem` `UpdateItem`; `sqs:SendMessage` on the commands queue; "
    "`batch:SubmitJob`",
    "cancel, pause, resume, redrive": "the same without `batch:SubmitJob`",
    "workflows with schedules": "`scheduler:CreateSchedule` `UpdateSchedule` `DeleteSchedule` on "
    "`schedule/batchwright-NAME/*`; `iam:PassRole` on `batchwright-NAME-scheduler`",
    "show of arrays": "`batch:DescribeJobs` `batch:ListJobs`",
    "logs": "`logs:GetLogEvents` on `/aws/batch/job`, and on groups that job definitions name",
    "a stage with an event bus": "`events:PutEvents` on the bus",
    "dead-letters": "`sqs:ReceiveMessage` `ChangeMessageVisibility` `DeleteMessage` `GetQueueAttributes` on the dead "
    "letters, `sqs:SendMessage` on the queues",
    "doctor": "`dynamodb:Scan` `Query` `GetItem`; `batch:DescribeJobs` `DescribeJobQueues` `ListJobs`; "
    "`events:DescribeEventBus`; `lambda:GetFunctionConfiguration` `GetFunctionRecursionConfig` "
    "`GetFunctionConcurrency` `ListEventSourceMappings` `GetAccountSettings` `GetPolicy`; `apigateway:GET`; "
    "`sts:GetCallerIdentity`",
}
VERIFY = (
    "`sqs:CreateQueue` `sqs:TagQueue` `sqs:GetQueueUrl` `sqs:ReceiveMessage` `sqs:DeleteMessage` `sqs:DeleteQueue` on "
    "`batchwright-NAME-verify-*`; `sqs:ListQueues` `sqs:GetQueueAttributes`",
    "`events:PutRule` `events:TagResource` `events:PutTargets` `events:RemoveTargets` `events:DeleteRule` on "
    "`rule/batchwright-NAME-verify-*`; `events:ListRules` `events:PutEvents`",
    "`sns:Subscribe` `sns:Unsubscribe` `sns:ListSubscriptionsByTopic` on the topic",
    "`batch:SubmitJob` `batch:TagResource` `batch:TerminateJob` `batch:DescribeJobs` `batch:ListJobs` "
    "`batch:DescribeJobQueues` `batch:DescribeJobDefinitions`",
    "`dynamodb:BatchWriteItem` `dynamodb:GetItem` `dynamodb:PutItem` `dynamodb:UpdateItem` `dynamodb:Query`",
    "`scheduler:CreateSchedule` `scheduler:UpdateSchedule` `scheduler:DeleteSchedule` `scheduler:GetSchedule`; "
    "`iam:PassRole`",
    "`lambda:GetFunctionConfiguration` `lambda:ListEventSourceMappings` `lambda:GetFunctionRecursionConfig` "
    "`lambda:InvokeFunction` `lambda:GetAccountSettings`",
    "`logs:FilterLogEvents` `logs:DescribeLogStreams` `logs:DeleteLogStream`; `s3:GetObject` on "
    "`batchwright/deployment.json`",
)


def make() -> str:
    check()
    return page(
        "Checks and permissions",
        "the table of verify's assumptions and docs/generate/checks_page.py",
        section("Verdicts of verify", "\n".join(line(name, text) for name, text in VERDICTS)),
        section(
            "Rows of verify",
            "What it means if the row does not hold.",
            "\n".join(line(one.key, one.if_not) for one in ASSUMPTIONS),
        ),
        section(
            "Rules of the doctor",
            "`error`: the design rules it out, and it does not heal by itself.",
            _names(ERRORS),
            "`late`: a message or the sweep should have done it, a lease and three sweeps ago (13.5 minutes).",
            _names(LATE),
        ),
        section("Permissions", "Of your AWS credentials, by command.", _rules(PERMISSIONS)),
        section("Permissions of verify", "Besides those of every command:", "\n".join(f"- {row}." for row in VERIFY)),
    )


def check() -> None:
    """Raise LookupError for a rule that the doctor does not know by that name."""
    files = [*(PROJECT_FOLDER / "batchwright/doctor").glob("*.py"), PROJECT_FOLDER / "batchwright/cli/doctor.py"]
    source = "".join(path.read_text() for path in files)
    unknown = [rule for rule in (*ERRORS, *LATE) if f'"{rule}"' not in source]
    if unknown:
        raise LookupError(f"the doctor has no such rule: {unknown}")


def _names(rules: tuple[str, ...]) -> str:
    return f"{'; '.join(rules)}."


def _rules(rows: dict[str, str]) -> str:
    return "\n".join(f"- {name}: {text}." for name, text in rows.items())
