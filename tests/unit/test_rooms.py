"""Who may import whom (docs/explanation/one-event.md): read from the source, so that a lazy import counts too."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib.version import VERSION

ROOT = Path(__file__).parents[2]
AWS_PACKAGES = ("boto3", "botocore")
IMPURE = (*AWS_PACKAGES, "uuid", "random", "time", "os", "secrets", "socket", "subprocess")
CLOCK_READERS = ("now", "utcnow", "today", "localtime")
"""What of `datetime`, whose arithmetic is pure, reads a clock."""


def modules_of(room: str) -> list[Path]:
    path = ROOT / room
    return sorted(path.rglob("*.py")) if path.is_dir() else [path]


def imports_of(path: Path) -> Iterator[str]:
    """The absolute names that a module imports, wherever in it; `from a import b` is both `a` and `a.b`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            assert node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(name: str, room: str) -> bool:
    return name == room or name.startswith(f"{room}.")


def strangers(room: str, *allowed: str) -> list[str]:
    """What the modules of a room import of this project, outside of what is allowed."""
    return [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules_of(room)
        for name in imports_of(path)
        if name.split(".")[0] in ("chalicelib", "batchwright", "app") and not any(within(name, one) for one in allowed)
    ]


@pytest.mark.parametrize(
    ("room", "allowed"),
    [
        ("chalicelib/core", ["chalicelib.core"]),
        ("chalicelib/ports", ["chalicelib.core", "chalicelib.ports"]),
        ("chalicelib/aws", ["chalicelib.core", "chalicelib.ports", "chalicelib.aws"]),
        ("chalicelib/engine", ["chalicelib.core", "chalicelib.ports", "chalicelib.engine"]),
        ("chalicelib/api", [f"chalicelib.{room}" for room in ("core", "ports", "engine", "api", "version")]),
        ("chalicelib", ["chalicelib"]),
    ],
)
def test_a_room_imports_only_what_it_may(room: str, allowed: list[str]) -> None:
    assert modules_of(room)
    assert strangers(room, *allowed) == []


TOP = "the modules beside the rooms"
EDGES = {
    "chalicelib.core": {
        TOP: (),
        "batch": (TOP,),
        "notice": (TOP,),
        "schedule": (TOP,),
        "plan": (TOP, "batch"),
        "definition": (TOP, "notice", "plan", "schedule"),
        "run": (TOP, "batch", "notice", "plan", "schedule"),
        "monitor": (TOP, "batch", "definition", "notice", "run", "schedule"),
        "telemetry": (TOP, "notice"),
    },
    "chalicelib.engine": {
        "world": (),
        "publishing": ("world",),
        "advance": ("publishing", "world"),
        "control": ("advance", "publishing", "world"),
        "schedules": ("control", "world"),
        "watch": ("publishing", "world"),
        "inbox": ("advance", "control", "publishing", "schedules", "watch", "world"),
    },
    "chalicelib.api": {TOP: (), "http": (TOP,), "inprocess": (TOP, "http")},
    "chalicelib.aws": {TOP: (), "table": (TOP,)},
    "batchwright": {
        "terminal": (),
        "files": (),
        "client": (),
        "plans": (),
        "stage": (),
        "jobs": ("terminal",),
        "schedules": ("terminal",),
        "monitors": ("terminal",),
        "dead_letters": ("terminal",),
        "runs": ("terminal",),
        "local": ("runs", "stage", "terminal"),
        "subscriptions": ("local", "runs", "terminal"),
        "samples": ("subscriptions",),
        "deploy": ("files", "local", "monitors", "stage", "subscriptions", "terminal"),
        "doctor": ("deploy",),
        "verify": ("client", "deploy", "local", "runs", "stage", "subscriptions", "terminal"),
        "cli": (
            "client",
            "dead_letters",
            "deploy",
            "doctor",
            "files",
            "jobs",
            "local",
            "monitors",
            "plans",
            "runs",
            "samples",
            "schedules",
            "stage",
            "subscriptions",
            "terminal",
            "verify",
        ),
        TOP: ("cli",),
    },
}
"""The rooms of each package, and which of the others each may import. A room stands below those that it may import, so
there is no circle."""


def room_of(name: str, package: str) -> str:
    """The room of a module: the folder below the package, or TOP."""
    first = name.removeprefix(package).lstrip(".").partition(".")[0]
    return first if first and (ROOT / package.replace(".", "/") / first).is_dir() else TOP


def edges_of(package: str) -> dict[str, set[str]]:
    """Per room, the other rooms of the package that it imports."""
    found: dict[str, set[str]] = {}
    for path in modules_of(package.replace(".", "/")):
        if path.name == "__init__.py":
            continue
        own = room_of(".".join(path.relative_to(ROOT).with_suffix("").parts), package)
        others = {room_of(name, package) for name in imports_of(path) if within(name, package) and name != package}
        found.setdefault(own, set()).update(others - {own})
    return found


@pytest.mark.parametrize("package", EDGES)
def test_rooms_import_one_way(package: str) -> None:
    found = edges_of(package)
    assert {room: sorted(others) for room, others in found.items() if others - set(EDGES[package].get(room, ()))} == {}
    assert set(found) == set(EDGES[package]), "a room that is not in the table, or that is gone"


@pytest.mark.parametrize("package", EDGES)
def test_the_table_of_rooms_has_no_circle_and_no_edge_too_many(package: str) -> None:
    allowed = EDGES[package]
    placed: set[str] = set()
    for room, others in allowed.items():
        assert set(others) <= placed, f"{room} stands above {set(others) - placed}"
        placed.add(room)
    found = edges_of(package)
    assert {
        room: sorted(set(others) - found[room]) for room, others in allowed.items() if set(others) - found[room]
    } == {}


@pytest.mark.parametrize("room", ["chalicelib/core", "chalicelib/engine", "chalicelib/api", "chalicelib/ports"])
def test_core_engine_and_api_import_nothing_that_draws_or_looks_at_a_clock_or_speaks_to_aws(room: str) -> None:
    found = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules_of(room)
        for name in imports_of(path)
        if any(within(name, one) for one in IMPURE)
    ]
    assert found == []


@pytest.mark.parametrize("room", ["chalicelib/core", "chalicelib/engine", "chalicelib/ports"])
def test_core_and_engine_read_no_clock_by_way_of_datetime(room: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}, line {node.lineno}, names .{node.attr}"
        for path in modules_of(room)
        if any(within(name, "datetime") for name in imports_of(path))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in CLOCK_READERS
    ]
    found += [
        f"{path.relative_to(ROOT)} converts to the zone of the machine"
        for path in modules_of(room)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if node.func.attr in ("astimezone", "fromtimestamp") and not node.args[node.func.attr == "fromtimestamp" :]
    ]
    assert found == []


def test_only_the_adapters_speak_to_aws_in_the_lambda() -> None:
    found = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules_of("chalicelib")
        if not path.is_relative_to(ROOT / "chalicelib" / "aws")
        for name in imports_of(path)
        if any(within(name, one) for one in AWS_PACKAGES)
    ]
    assert found == []


BEHIND_THE_API = {
    "cli/dead_letters.py",
    "cli/doctor.py",
    "cli/notices.py",
    "cli/target.py",
    "cli/verify.py",
    "stage/connection.py",
    "verify/made.py",
}
"""The modules that use the app as it is wired, and not only its API. cli/target.py says why."""


def test_commands_reach_behind_the_api_only_where_no_route_could_serve_them() -> None:
    users = {
        path.relative_to(ROOT / "batchwright").as_posix()
        for path in modules_of("batchwright")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "wired"
    }
    assert users == BEHIND_THE_API
    assert [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules_of("batchwright/cli")
        for name in imports_of(path)
        if any(within(name, room) for room in ("chalicelib.engine", "chalicelib.ports", "chalicelib.api.inprocess"))
    ] == []


def test_a_lambda_has_the_version_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == VERSION


@pytest.mark.parametrize("module", ["core.plan.job_request", "core.template", "core.params", "wiring"])
def test_a_lambda_that_follows_events_never_loads_pydantic(module: str) -> None:
    program = f"import sys, chalicelib.{module}; sys.exit('pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, timeout=60).returncode == 0


def test_the_app_is_imported_without_what_only_the_api_needs() -> None:
    program = "import sys, app; sys.exit(bool({'pydantic', 'chalicelib.api.models'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, timeout=60).returncode == 0


def test_the_app_in_a_lambda_loads_nothing_of_what_people_install() -> None:
    program = "import sys, app; sys.exit(bool({'batchwright', 'click', 'psutil'} & set(sys.modules)))"
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_CHALICE")}
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=own, timeout=60).returncode == 0


def test_the_app_is_imported_without_what_only_the_end_of_an_invocation_or_the_sweep_needs() -> None:
    program = (
        "import sys, app; sys.exit(bool({'aws_lambda_powertools', 'chalicelib.engine.inbox.sweep'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, timeout=60).returncode == 0


def test_powertools_is_used_for_figures_alone() -> None:
    users = {
        (path.name, name.split(".")[1])
        for path in (*modules_of("chalicelib"), ROOT / "app.py")
        for name in imports_of(path)
        if within(name, "aws_lambda_powertools")
    }
    assert users == {("emf.py", "metrics")}


def test_help_is_shown_without_loading_what_only_commands_need() -> None:
    program = (
        "import sys\n"
        "from batchwright.cli.group import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "loaded = {'boto3', 'aiohttp', 'pydantic', 'yaml', 'rich'} & set(sys.modules)\n"
        "sys.exit(str(loaded) if loaded else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, timeout=60, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
