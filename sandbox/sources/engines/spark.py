"""Spark SQL over Parquet, for data that several machines hold: one session a process, one view a table.

Arithmetic is ANSI's, so what does not fit into 64 bits fails instead of coming out as another number; a
compiled question fails on nothing else. Nothing is logged, because Spark's own messages quote values. A
statement runs inside parentheses, where nothing but a query can stand, and no file is a table by its
path. A deadline cancels the jobs of its question alone.

PySpark is an optional extra and starts a Java process, so it is imported when first needed.
"""

from __future__ import annotations

from collections import OrderedDict
from decimal import Decimal
from pathlib import Path
from threading import Lock
from typing import Any
from uuid import uuid4

from sandbox.errors import StartupRefusal
from sandbox.sources.engines.protocol import Row, Value
from sandbox.sources.engines.watchdog import Watchdog
from sandbox.sources.terms import Dialect

MEMORY = "2g"
"""Of the Java process, which is all there is with a local master."""
KEPT_OPEN = 16
"""Copies whose views one process keeps; a view is a list of files, no data."""
_SETTINGS = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.runSQLOnFiles": "false",
    "spark.sql.variable.substitute": "false",  # or ${env:NAME} in a text would be replaced
    "spark.sql.catalogImplementation": "in-memory",
    "spark.sql.shuffle.partitions": "8",
    "spark.sql.parquet.enableVectorizedReader": "true",
    "spark.driver.memory": MEMORY,
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.eventLog.enabled": "false",
    "spark.log.level": "OFF",
    "spark.executor.syncLogLevel.enabled": "true",
}
_starting = Lock()
_DEADLINES = Watchdog()
"""Of its own: to cancel asks Java, and no other engine's deadline shall wait for that."""


def session_of(master: str) -> Any:
    """Return this process's Spark session, started at first use; it ends with the process.

    Raises:
        ImportError: the extra ``spark`` is not installed.
    """
    from pyspark.logger import PySparkLogger  # noqa: PLC0415  # optional, and half a gigabyte
    from pyspark.sql import SparkSession  # noqa: PLC0415  # as above

    with _starting:
        PySparkLogger.getLogger("SQLQueryContextLogger").disabled = True  # it prints what failed, and on what
        builder = SparkSession.builder.appName("sandbox").master(master)
        for name, value in _SETTINGS.items():
            builder = builder.config(name, value)
        return builder.getOrCreate()


class SparkEngine:
    """Answers from directories of Parquet."""

    dialect = Dialect.SPARK

    def __init__(self, master: str) -> None:
        self._master = master
        self._lock = Lock()
        self._sessions: OrderedDict[tuple[str, int, int], Any] = OrderedDict()

    def prepare(self) -> None:
        """Start Spark, which takes longer than a question may.

        Raises:
            StartupRefusal: the extra or Java is missing, or the master does not answer.
        """
        try:
            session_of(self._master).sql("SELECT 1").collect()
        except Exception:  # noqa: BLE001  # of Spark's many families
            raise StartupRefusal(
                f"Spark does not start at {self._master}: it needs the extra 'spark', Java 17 or newer, "
                "and a name for the user it runs under."
            ) from None

    def run(self, location: str, sql: str, *, deadline: float) -> list[Row]:
        """Return all rows of one statement; see :class:`~sandbox.sources.engines.protocol.Engine`."""
        session, group = self._session(location), uuid4().hex
        context = session.sparkContext
        with _DEADLINES.watch(lambda: context.cancelJobGroup(group), after=deadline):
            context.setJobGroup(group, "question", interruptOnCancel=True)
            found = session.sql(f"SELECT * FROM (\n{sql}\n)").collect()  # noqa: S608  # see the module
        return [tuple(map(_plain, row)) for row in found]

    def close(self) -> None:
        """Stop Spark in this process, if a question has started it."""
        with self._lock:
            if self._sessions:
                self._sessions.popitem()[1].stop()
                self._sessions.clear()

    def _session(self, location: str) -> Any:
        """Return a session in which the tables of the copy, and nothing else, are views."""
        state = Path(location).stat()
        key = location, state.st_ino, state.st_mtime_ns
        with self._lock:
            if key not in self._sessions:
                session = session_of(self._master).newSession()
                for table in sorted(path for path in Path(location).iterdir() if path.is_dir()):
                    session.read.parquet(str(table)).createOrReplaceTempView(table.name)
                self._sessions[key] = session
            self._sessions.move_to_end(key)
            while len(self._sessions) > KEPT_OPEN:
                self._sessions.popitem(last=False)
            return self._sessions[key]


def _plain(value: object) -> Value:
    if isinstance(value, Decimal) and value == value.to_integral_value():
        return int(value)
    if value is None or isinstance(value, Value):
        return value
    raise TypeError("a value of a type that no answer has")
