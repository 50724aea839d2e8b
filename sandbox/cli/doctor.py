"""``sandbox doctor`` and ``sandbox doctor verify``: is every promise kept here and now?"""

from __future__ import annotations

import json
import signal
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import click

from sandbox.cli.common import as_option, json_option, print_json, print_table
from sandbox.doctor import examine, report
from sandbox.doctor.check import Finding, Result
from sandbox.doctor.report import Report
from sandbox.errors import Refusal, StartupRefusal
from sandbox.review.package import public_word, read_public_word
from sandbox.settings import Settings

BROKEN = 3
"""Exit status where a promise does not hold."""
_MARKS = {Result.HOLDS: "ok", Result.FAILS: "FAILS", Result.UNKNOWN: "?"}


@click.group(invoke_without_command=True)
@click.option(
    "--only",
    "names",
    metavar="NAME",
    multiple=True,
    help="Only this check, or all whose names begin so (notebook); may be given again.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where the report goes, its signature to FILE.minisig beside it; "
    "unless given, to SANDBOX_HOME/reports under the time of day.",
)
@json_option
@as_option
@click.pass_context
def doctor(
    context: click.Context, names: tuple[str, ...], output: Path | None, as_json: bool, account: str
) -> None:
    """Check on the running sandbox that every promise holds, and sign what was found.

    A notebook without a person is started exactly as everybody's, and what it can find and reach is tried
    from inside; then the parts, their keys, the data, the log and the machine are looked at. Nothing is
    repaired. Run it as who runs the sandbox (root, where parts have uids of their own).

    \b
      sandbox doctor                          everything; about ten seconds
      sandbox doctor --only notebook          only what is tried from inside a notebook
      sandbox doctor --only log --only ledger
      sandbox doctor verify FILE              was this report signed here, and not changed since?
      minisign -V -m FILE -P KEY              the same, without this program

    Each promise holds, fails, or cannot be checked here (the sandbox is stopped, say, or nobody is
    root); the last are counted and say nothing good. Exit status: 0 if nothing fails, 3 if something
    does, 1 or 2 as always. Each run is an entry of the log with the report's digest.
    """  # noqa: D301  # click reads the backspace
    if context.invoked_subcommand is not None:
        return
    interruption = _Interruption()
    settings = Settings.from_environment()
    checks, key = examine.chosen(names), examine.signing_key(settings)
    findings: list[Finding] = []

    def said(finding: Finding) -> None:
        interruption.honour()
        findings.append(finding)
        click.echo(f"{_MARKS[finding.outcome.result]:>5}  {finding.check.name}", err=True)

    made = examine.examine(settings, checks, said=said)
    seq, why = _recorded(settings, made, account)
    path = output or _place(settings)
    _write(path, made.content, report.sign(made, key, seq=seq))
    if as_json:
        print_json({**json.loads(made.content), "report": str(path), "entry": seq})
    else:
        _show(findings, made, path, seq)
    if why:
        click.echo(f"The log did not take the entry: {why}", err=True)
    context.exit(BROKEN if made.fails or why else 0)


@doctor.command("verify")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--key",
    metavar="WORD",
    help="The public key you trust, as minisign -P takes it; unless given, that of this sandbox.",
)
@json_option
def verify(file: Path, key: str | None, as_json: bool) -> None:
    """Show that a report was signed by this sandbox, or by the key you trust, and not changed since."""
    public = read_public_word(key) if key else examine.signing_key(Settings.from_environment()).public
    document, comment = report.verify(file, public)
    if as_json:
        print_json({"signed": True, "comment": comment, **document})
        return
    counts = ", ".join(f"{document['counts'][result]} {result}" for result in Result)
    click.echo(f"signed by {public_word(public)}: {comment}")
    click.echo(f"made at {document['at']} by version {document['version']}: {counts}")


def _recorded(settings: Settings, made: Report, account: str) -> tuple[int | None, str]:
    """Return the place of the log's entry, or why there is none."""
    try:
        return examine.record(settings, made, actor=account), ""
    except (Refusal, StartupRefusal) as refusal:
        return None, str(refusal)


def _show(findings: list[Finding], made: Report, path: Path, seq: int | None) -> None:
    rows: list[list[Any]] = [[f.check.name, f.outcome.result.value, f.outcome.found] for f in findings]
    print_table(["check", "result", "found"], rows)
    for finding in findings:
        if finding.outcome.remedy:
            click.echo(f"\n{finding.check.name}: {finding.check.promise}\n  {finding.outcome.remedy}")
    counts = ", ".join(f"{made.counts[result]} {result}" for result in Result)
    click.echo(f"\n{counts}. Report: {path}" + ("" if seq is None else f"; entry {seq} of the log."))


def _place(settings: Settings) -> Path:
    directory = settings.home / "reports"
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise StartupRefusal(
            f"{directory} cannot be made: {error.strerror}; name a file by --output."
        ) from error
    return directory / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"


def _write(path: Path, content: bytes, signature: bytes) -> None:
    try:
        path.write_bytes(content)
        report.signature_of(path).write_bytes(signature)
    except OSError as error:
        raise StartupRefusal(f"The report cannot be written to {path}: {error.strerror}.") from error


class _Interruption:
    """Ctrl-C and SIGTERM: the first lets the check that runs end, and what it made be taken away whole.

    Raised in the middle of making a file system or a mount, it would leave one of them behind. A second one
    is raised at once, for a log that takes long.
    """

    def __init__(self) -> None:
        self._heard = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._hear)

    def honour(self) -> None:
        """Stop here if it was heard."""
        if self._heard:
            raise KeyboardInterrupt

    def _hear(self, number: int, frame: FrameType | None) -> None:
        del number, frame  # either means the same
        if self._heard:
            raise KeyboardInterrupt
        self._heard = True
        click.echo("Stopping after this check; once more stops at once.", err=True)


commands: tuple[click.Command, ...] = (doctor,)
