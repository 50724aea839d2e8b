"""Where things are and which limits hold: one frozen value, read once, passed down.

Every field can be set by the environment variable ``SANDBOX_`` + its name in capitals
(``SANDBOX_HOME``, ``SANDBOX_HUB_PORT`` ...). No field is a secret: secrets are files under
:attr:`Settings.keys`, readable by their owner only.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from sandbox.errors import StartupRefusal

LONGEST_RUN = 44
"""Bytes: the 107 of a socket's address less the longest name below, a person's door."""
ISOLATIONS = ("auto", "docker", "bubblewrap", "starter", "kubernetes")
RUNTIMES = ("runc", "runsc")


def _seconds(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in text.split(",") if part.strip())


_READERS: Mapping[type, Callable[[str], object]] = {
    Path: Path,
    int: int,
    float: float,
    str: str,
    tuple: _seconds,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """All that a process must be told from outside."""

    home: Path = Path("var")
    """Directory of everything the sandbox keeps: state, keys, copies of data, logs."""
    policies: Path = Path("policies")
    """Directory with grades.toml, review.toml, populations.toml, datasets/, authorizations/."""
    raw: Path = Path("var/raw")
    """Directory with the raw tables; only the registrar may read it."""
    state_url: str = ""
    """Where the state is: empty for SQLite under :attr:`home`, the SQLAlchemy URL of another SQLite file,
    or ``postgresql``, whose addresses are key files because they hold passwords."""
    isolation: str = "auto"
    """``docker``, ``bubblewrap``, ``starter`` (containers that another process starts, for a hub that is in
    one itself), or ``auto``: Docker where a daemon answers."""
    runtime: str = "runc"
    """What runs containers: ``runc``, or gVisor's ``runsc``, which the Docker daemon must know."""
    hub_host: str = "127.0.0.1"
    """Address of the hub's proxy as a browser sees it."""
    listen: str = ""
    """Address that proxy and console listen on inside a container whose ports are published; empty for the
    proxy's own, and for the console the loopback."""
    hub_port: int = 8000
    """Port of the hub's proxy: log-in and notebooks."""
    hub_api_port: int = 8081
    """Loopback port of the hub's own API."""
    doors: Path = Path("doors")
    """Directory of what doors on other machines need: the hall's certificate and key, the key of passes."""
    hall_port: int = 8443
    """Port on which doors on other machines arrive."""
    hall_host: str = "sandbox-hall"
    """Name of the hall, as in its certificate; the hub looks its address up for each notebook's door."""
    door_image: str = ""
    """Image of the door beside each notebook, where notebooks are pods: that of all our own processes."""
    proxy_api_port: int = 8099
    """Loopback port of the proxy's API."""
    console_host: str = "localhost"
    """Host name of the console (reviewers, officers): another origin than notebooks on purpose."""
    console_port: int = 8010
    """Port of the console."""
    postgresql_reader: str = "sandbox_gateway"
    """PostgreSQL role that questions are asked under; registration grants it SELECT on copies."""
    spark_master: str = "local[2]"
    """Where Spark runs; the machines of a cluster share the raw and the bounded directory."""
    registrar_uid: int = 64801
    """uid that reads raw tables; used only where the sandbox is started as root."""
    gateway_uid: int = 64802
    """uid of the gateway; used only where the sandbox is started as root."""
    door_uid: int = 64803
    """uid of the door; used only where the sandbox is started as root."""
    signer_uid: int = 64804
    """uid that holds the log's key; used only where the sandbox is started as root."""
    notebook_uid_base: int = 300_000
    """First uid of notebooks; each person gets the base plus the number of their account."""
    body_limit: int = 8 * 1024 * 1024
    """Largest request body the gateway reads, in bytes."""
    upload_limit: int = 64 * 1024 * 1024
    """Largest request into a notebook, in bytes: a notebook saved with its figures, or a file uploaded."""
    browser_limit: int = 8 * 1024**3
    """Bytes a day (UTC) that one person's notebook may send to their browser."""
    query_deadline: float = 30.0
    """Seconds after its arrival at which a question is stopped; its charge stands. One of the buckets."""
    latency_buckets: tuple[float, ...] = (0.025, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 35)
    """Seconds after its arrival at which the answer to a question, or its refusal, may leave; empty to
    let it leave at once, which tells how long the data kept the engine busy. In the environment with
    commas between them."""
    repeat_bucket: float = 0.005
    """Seconds after which a repeated answer may leave already."""
    commit_deadline: float = 5.0
    """Seconds within which a log entry must be durable, else nothing is released."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read the settings once.

        Raises:
            StartupRefusal: a value does not fit its field.
        """
        environment = os.environ if environment is None else environment
        values: dict[str, object] = {}
        for field in fields(cls):
            text = environment.get("SANDBOX_" + field.name.upper())
            if text is None:
                continue
            kind, read = next(one for one in _READERS.items() if isinstance(field.default, one[0]))
            try:
                values[field.name] = read(text)
            except ValueError as error:
                raise StartupRefusal(
                    f"SANDBOX_{field.name.upper()} is {text!r}; it must be of type {kind.__name__}."
                ) from error
        if "home" in values and "raw" not in values:
            values["raw"] = Path(str(values["home"])) / "raw"
        settings = cls(**values)  # type: ignore[arg-type]  # checked field by field above
        for name, known in (("isolation", ISOLATIONS), ("runtime", RUNTIMES)):
            if getattr(settings, name) not in known:
                raise StartupRefusal(
                    f"SANDBOX_{name.upper()} is {getattr(settings, name)!r}; "
                    f"it must be one of {', '.join(known)}."
                )
        return settings

    def to_environment(self) -> dict[str, str]:
        """Return the variables from which :meth:`from_environment` reads the same settings elsewhere."""
        return {
            f"SANDBOX_{field.name.upper()}": _spelled(getattr(self, field.name)) for field in fields(self)
        }

    @property
    def database_url(self) -> str:
        """SQLAlchemy URL of the state database."""
        return self.state_url or f"sqlite:///{self.home.resolve() / 'state' / 'state.sqlite'}"

    @property
    def search_file(self) -> Path:
        """What the log is searched by; derived from it, and made again where it is missing."""
        return self.home / "state" / "search.sqlite"

    @property
    def keys(self) -> Path:
        """Directory of key files, one secret a file, mode 0600."""
        return self.home / "keys"

    @property
    def signer_key(self) -> Path:
        """The key that signs the log's checkpoints; only the signer reads it."""
        return self.home / "signer" / "checkpoint.key"

    @property
    def signer_state(self) -> Path:
        """What the signer has signed; beside its key, and nobody else's."""
        return self.home / "signer" / "signed"

    @property
    def sinks(self) -> Path:
        """Directory that says how far each copy of the log has come."""
        return self.home / "state" / "sinks"

    @property
    def log_public_key(self) -> Path:
        """The log's verifier key, for everybody."""
        return self.home / "log.pub"

    @property
    def seeds(self) -> Path:
        """Directory of the registrar's secrets, one for each dataset."""
        return self.home / "seeds"

    @property
    def postgresql_gateway(self) -> Path:
        """Key file with the gateway's way into the database of bounded copies, where there is one."""
        return self.keys / "postgresql-gateway"

    @property
    def postgresql_registrar(self) -> Path:
        """Key file with the registrar's way into the raw database, where there is one."""
        return self.seeds / "postgresql-registrar"

    @property
    def postgresql_state(self) -> Path:
        """Key file with the way into the state database, where it is PostgreSQL."""
        return self.keys / "postgresql-state"

    @property
    def postgresql_state_owner(self) -> Path:
        """Key file of the role that owns the state's tables; only who sets up and upgrades needs it."""
        return self.home / "owner" / "postgresql-state"

    @property
    def bounded(self) -> Path:
        """Directory of bounded copies, written by the registrar, read by the gateway."""
        return self.home / "bounded"

    @property
    def run(self) -> Path:
        """Directory of sockets of running processes.

        Beside everything else, unless a socket's address there would be longer than unix(7) allows;
        then a short one that belongs to this home alone.
        """
        beside = self.home.resolve() / "run"
        if len(os.fsencode(beside)) <= LONGEST_RUN:
            return beside
        # By the home's owner, not by who asks: every part has a uid of its own and must find the same place.
        owner = self.home.stat().st_uid if self.home.exists() else os.geteuid()
        name = f"pds-{owner}-{hashlib.sha256(os.fsencode(beside)).hexdigest()[:12]}"
        return Path("/run" if owner == 0 else "/tmp", name)  # noqa: S108  # install() checks whose it is

    @property
    def gateway_socket(self) -> Path:
        """Unix socket on which the gateway hears the door, and only the door."""
        return self.run / "gateway" / "gateway.sock"

    @property
    def signer_socket(self) -> Path:
        """Unix socket on which the signer hears the log, and only the log."""
        return self.run / "signer" / "signer.sock"

    @property
    def starter_socket(self) -> Path:
        """Unix socket on which the starter of notebooks hears the hub, and only the hub."""
        return self.run / "starter" / "starter.sock"

    @property
    def hub_url(self) -> str:
        """Address of the hub as a browser sees it."""
        return f"http://{self.hub_host}:{self.hub_port}"

    @property
    def hub_listen(self) -> str:
        """Address on which the hub's proxy listens."""
        return self.listen or self.hub_host

    @property
    def console_listen(self) -> str:
        """Address on which the console listens."""
        return self.listen or "127.0.0.1"

    @property
    def hub_api_url(self) -> str:
        """Address of the hub's API as the gateway and the door see it."""
        return f"http://127.0.0.1:{self.hub_api_port}/hub/api"

    @property
    def console_url(self) -> str:
        """Address of the console as a browser sees it."""
        return f"http://{self.console_host}:{self.console_port}"


def _spelled(value: object) -> str:
    if isinstance(value, Path):
        return str(value.resolve())
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
