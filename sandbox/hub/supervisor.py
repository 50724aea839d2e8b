"""Runs a whole sandbox on one machine, in the foreground.

Guarantees: the parts start in order and each only after the one before answers; a part that ends by
itself is started again, unless it does so over and over; on Ctrl-C or SIGTERM the hub stops the notebooks
and then everything stops in the reverse order, leaving no process and no mount behind.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from types import FrameType

from sandbox.errors import StartupRefusal
from sandbox.hub import images, orphans, places, preflight, volumes
from sandbox.hub.parts import GATEWAY_COMMAND, Part, launch, parts
from sandbox.settings import Settings

START_SECONDS = 60.0
WATCH_SECONDS = 0.2
RESTARTS_ALLOWED = 5
RESTARTS_WITHIN = 60.0
"""A part that ends more often than this in so many seconds is broken: everything stops."""
READY = "ready"
"""What :func:`main` prints once all parts answer."""

Say = Callable[[str], None]


def up(
    settings: Settings,
    *,
    ready: Callable[[], None] = lambda: None,
    say: Say = print,
    gateway_command: tuple[str, ...] = GATEWAY_COMMAND,
) -> None:
    """Run everything until a signal to stop; call ``ready`` once all parts answer.

    Raises:
        StartupRefusal: something is in the way, or a part does not start or does not stay.
    """
    # The gateway's pages say how notebooks are isolated; it cannot find out by itself.
    settings = replace(settings, isolation=images.isolation(settings))
    preflight.check(settings)
    _directories(settings)
    orphans.adopt()
    with _stop_signal() as stop:
        runner = _Runner(settings, say, stop)
        try:
            for part in parts(settings, gateway_command=gateway_command):
                runner.start(part)
            if not stop.is_set():
                ready()
            while not stop.wait(WATCH_SECONDS):
                runner.watch()
        finally:
            runner.stop_all()
            orphans.end_adopted()
            volumes.close_homes(settings)
            places.clear_socket_directories(settings)


class _Runner:
    def __init__(self, settings: Settings, say: Say, stop: threading.Event) -> None:
        self._settings = settings
        self._say = say
        self._stop = stop
        self._running: dict[str, tuple[Part, subprocess.Popen[bytes]]] = {}
        self._ended: dict[str, deque[float]] = {}

    def start(self, part: Part) -> None:
        """Start ``part`` and wait until it answers, or until everything shall stop."""
        if self._stop.is_set():
            return
        began = time.monotonic()
        process = launch(part, self._settings)
        self._running[part.name] = (part, process)
        while not part.answers():
            if process.poll() is not None or time.monotonic() - began > START_SECONDS:
                raise StartupRefusal(f"The {part.name} did not start: {self._last_words(part)}")
            if self._stop.wait(WATCH_SECONDS):
                return
        self._say(f"{part.name}: answers after {time.monotonic() - began:.1f} s")

    def watch(self) -> None:
        """Start again what has ended."""
        for part, process in list(self._running.values()):
            if process.poll() is None:
                continue
            now = time.monotonic()
            ended = self._ended.setdefault(part.name, deque(maxlen=RESTARTS_ALLOWED))
            if len(ended) == RESTARTS_ALLOWED and now - ended[0] < RESTARTS_WITHIN:
                raise StartupRefusal(f"The {part.name} keeps ending: {self._last_words(part)}")
            ended.append(now)
            self._say(f"{part.name}: ended with status {process.returncode}; starting it again")
            self.start(part)

    def stop_all(self) -> None:
        """Stop in the reverse order; kill what does not."""
        for part, process in reversed(self._running.values()):
            if process.poll() is None:
                process.terminate()
            try:
                process.wait(part.stop_seconds)
            except subprocess.TimeoutExpired:
                self._say(f"{part.name}: does not stop; killed")
                _kill_group(process)
                process.wait()
            self._say(f"{part.name}: stopped")
        self._running.clear()

    def _last_words(self, part: Part) -> str:
        log = self._settings.home / "logs" / f"{part.name}.log"
        lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
        return f"{lines[-1][:300] if lines else 'it said nothing.'} (all of it in {log})"


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _directories(settings: Settings) -> None:
    """Give the parts the directories they write to and meet in."""
    door = settings.run.resolve() / "door"
    door.mkdir(parents=True, exist_ok=True)
    gateway = settings.gateway_socket.resolve().parent
    gateway.mkdir(parents=True, exist_ok=True)
    signer = settings.signer_socket.resolve().parent
    signer.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        os.chown(signer, settings.signer_uid, settings.gateway_uid)
        signer.chmod(0o2750)
        os.chown(door, settings.door_uid, settings.door_uid)
        os.chown(gateway, settings.gateway_uid, settings.door_uid)
        gateway.chmod(0o2750)  # what the gateway makes here belongs to the door's group
        settings.home.chmod(0o711)
    else:
        gateway.chmod(0o700)
        signer.chmod(0o700)


@contextmanager
def _stop_signal() -> Iterator[threading.Event]:
    stop = threading.Event()

    def heard(number: int, frame: FrameType | None) -> None:
        del number, frame  # either signal means the same
        stop.set()

    before = {number: signal.signal(number, heard) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def main() -> int:
    """Run everything of the settings in the environment; for programs that start a sandbox."""
    try:
        up(Settings.from_environment(), ready=lambda: print(READY, flush=True))  # noqa: T201  # who started it reads this
    except StartupRefusal as refusal:
        print(refusal, flush=True)  # noqa: T201  # who started it reads this
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
