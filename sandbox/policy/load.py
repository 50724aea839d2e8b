"""Reading a directory of policies, or every mistake in it.

In this order: (1) each file is TOML, (2) each is what its place says it is, (3) the files agree with
each other. All mistakes of all files are collected and raised together, each with its file, its key
and what to write instead; a directory with one mistake in it allows nothing at all.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import ValidationError

from sandbox.canonical import Canonical, digest_of
from sandbox.errors import StartupRefusal
from sandbox.policy.agree import Draft, Mistake, disagreements
from sandbox.policy.authorization import AuthorizationPolicy
from sandbox.policy.dataset import DatasetPolicy
from sandbox.policy.grades import GradePolicy, PopulationPolicy, ReviewPolicy
from sandbox.policy.keeping import Keeping, RetentionPolicy, SinksPolicy
from sandbox.policy.login import LoginPolicy
from sandbox.policy.notebooks import NotebooksPolicy
from sandbox.policy.notifications import NotificationsPolicy
from sandbox.policy.policies import Policies as Policies
from sandbox.policy.values import PolicyModel, sentence_of
from sandbox.policy.witnesses import WitnessPolicy

_M = TypeVar("_M", bound=PolicyModel)
WITNESSES = "witnesses.toml"
LOGIN = "login.toml"
NOTIFICATIONS = "notifications.toml"
REVIEW = "review.toml"
PROFILED = frozenset(
    {
        "min_cell",
        "round_to",
        "max_rows",
        "max_rows_unsupported",
        "significant_digits",
        "max_cell_chars",
        "one_share",
        "two_share",
        "p_percent",
        "class_share",
        "least_dof",
        "flag_zeros",
    }
)
"""Keys of a profile: what the automatic checks measure files by."""
LARGEST_FILE = 1_000_000
"""Bytes of one policy file; real ones have a few thousand."""


class PolicyMistakes(StartupRefusal):
    """The policies cannot be loaded.

    Attributes:
        mistakes: every mistake found, in order of file and key.
    """

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        lines = "\n".join(f"  {mistake}" for mistake in mistakes)
        super().__init__(f"The policies cannot be loaded: {len(mistakes)} to correct.\n{lines}")
        self.mistakes = mistakes


def load(directory: Path, *, profile: str | None = None) -> Policies:
    """Return the policies in ``directory``.

    Reads ``grades.toml``, ``populations.toml``, ``review.toml``, ``datasets/*.toml`` and
    ``authorizations/*.toml``.

    Args:
        directory: where they are.
        profile: limits of checks to try in place of those that ``review.toml`` says or names.

    Raises:
        PolicyMistakes: anything is wrong with them; holds all that is wrong.
    """
    reading = _Reading(directory)
    draft = Draft(
        grades=reading.named("grades.toml", GradePolicy, heading="grades"),
        populations=reading.named("populations.toml", PopulationPolicy, heading="populations"),
        datasets=reading.folder("datasets", DatasetPolicy),
        authorizations=reading.folder("authorizations", AuthorizationPolicy),
        unreadable=reading.unreadable,
    )
    review = reading.review(instead=profile)
    mistakes = {*reading.mistakes, *disagreements(draft)}
    if mistakes or review is None:
        raise PolicyMistakes(tuple(sorted(mistakes)))
    return Policies(
        datasets=MappingProxyType(draft.datasets),
        authorizations=MappingProxyType(draft.authorizations),
        populations=MappingProxyType(draft.populations),
        grades=MappingProxyType(draft.grades),
        review=review,
        digest=digest_of(_document(draft, review)),
    )


def load_witnesses(directory: Path) -> Mapping[str, WitnessPolicy]:
    """Return the witnesses that ``witnesses.toml`` names; none where there is no such file.

    Apart from :func:`load`, because who watches the log changes nothing about what may be asked.

    Raises:
        PolicyMistakes: anything is wrong with the file; holds all that is wrong.
    """
    if not (directory / WITNESSES).exists():
        return {}
    reading = _Reading(directory)
    found = reading.named(WITNESSES, WitnessPolicy, heading="witnesses")
    if reading.mistakes:
        raise PolicyMistakes(tuple(sorted(reading.mistakes)))
    return MappingProxyType(found)


def load_keeping(directory: Path) -> Keeping:
    """Return what ``sinks.toml`` and ``retention.toml`` in ``directory`` say of keeping the log.

    Both files must be there: whoever removes one does not turn a required copy off unseen.

    Raises:
        PolicyMistakes: anything is wrong with them; holds all that is wrong.
    """
    reading = _Reading(directory)
    sinks = reading.one("sinks.toml", SinksPolicy)
    retention = reading.one("retention.toml", RetentionPolicy)
    if sinks is None or retention is None:
        raise PolicyMistakes(tuple(sorted(reading.mistakes)))
    return Keeping(sinks=sinks, retention=retention)


def load_notebooks(directory: Path) -> NotebooksPolicy:
    """Return what ``notebooks.toml`` in ``directory`` says of notebooks; the file must be there.

    Raises:
        PolicyMistakes: anything is wrong with the file; holds all that is wrong.
    """
    reading = _Reading(directory)
    found = reading.one("notebooks.toml", NotebooksPolicy)
    if found is None:
        raise PolicyMistakes(tuple(sorted(reading.mistakes)))
    return found


def load_login(directory: Path) -> LoginPolicy:
    """Return what ``login.toml`` in ``directory`` says of logging in; the built-in one where there is none.

    Raises:
        PolicyMistakes: anything is wrong with the file; holds all that is wrong.
    """
    if not (directory / LOGIN).exists():
        return LoginPolicy(kind="accounts")
    reading = _Reading(directory)
    found = reading.one(LOGIN, LoginPolicy)
    if found is None:
        raise PolicyMistakes(tuple(sorted(reading.mistakes)))
    return found


def load_notifications(directory: Path) -> NotificationsPolicy:
    """Return what ``notifications.toml`` in ``directory`` says; the console alone where there is none.

    Raises:
        PolicyMistakes: anything is wrong with the file; holds all that is wrong.
    """
    if not (directory / NOTIFICATIONS).exists():
        return NotificationsPolicy()
    reading = _Reading(directory)
    found = reading.one(NOTIFICATIONS, NotificationsPolicy)
    if found is None:
        raise PolicyMistakes(tuple(sorted(reading.mistakes)))
    return found


def _document(draft: Draft, review: ReviewPolicy) -> Canonical:
    kinds: dict[str, Mapping[str, PolicyModel]] = {
        "grades": draft.grades,
        "populations": draft.populations,
        "datasets": draft.datasets,
        "authorizations": draft.authorizations,
    }
    document: dict[str, Canonical] = {"review": review.model_dump(mode="json")}
    for kind, models in kinds.items():
        document[kind] = {name: model.model_dump(mode="json") for name, model in models.items()}
    return document


@dataclass(slots=True)
class _Reading:
    """Reads files and keeps what is wrong with them."""

    directory: Path
    mistakes: list[Mistake] = field(default_factory=list)
    unreadable: set[str] = field(default_factory=set)
    """``file`` or ``file heading`` of what exists and could not be understood."""

    def one(self, file: str, model: type[_M]) -> _M | None:
        """Read a file that is one model."""
        content = self._toml(file)
        return None if content is None else self._model(model, content, file=file)

    def review(self, *, instead: str | None) -> ReviewPolicy | None:
        """Read the rules of review, with the limits of the profile that they name.

        A key stands in one of both files, so that nobody overlooks which one counts.
        """
        content = self._toml(REVIEW)
        if content is None:
            return None
        if instead is not None:
            content = {key: value for key, value in content.items() if key not in PROFILED}
        profile: Any = instead or content.get("profile")
        if profile is None:
            return self._model(ReviewPolicy, content, file=REVIEW)
        known = sorted(path.stem for path in (self.directory / "profiles").glob("*.toml"))
        if profile not in known:
            sentence = f"There is no such profile; known are {', '.join(known) or 'none'}."
            self.mistakes.append(Mistake(file=REVIEW, key="profile", sentence=sentence))
            return None
        file = f"profiles/{profile}.toml"
        limits = self._toml(file)
        if limits is None:
            return None
        self.mistakes += [
            Mistake(file=file, key=key, sentence="A profile says limits of checks and nothing else.")
            for key in sorted(limits.keys() - PROFILED)
        ]
        self.mistakes += [
            Mistake(file=REVIEW, key=key, sentence=f"This is said by {file}; leave it out here.")
            for key in sorted(content.keys() & limits.keys())
        ]
        if self._model(ReviewPolicy, limits, file=file) is None:
            return None  # said of the file in which it stands
        return self._model(ReviewPolicy, limits | content | {"profile": profile}, file=REVIEW)

    def named(self, file: str, model: type[_M], *, heading: str) -> dict[str, _M]:
        """Read a file of models, each under ``[heading.NAME]``."""
        content = self._toml(file)
        if content is None:
            return {}
        self.mistakes += [
            Mistake(file=file, key=key, sentence=f"Only [{heading}.NAME] headings stand in this file.")
            for key in content
            if key != heading
        ]
        parts = content.get(heading)
        if not isinstance(parts, dict) or not parts:
            self.mistakes.append(
                Mistake(file=file, key=heading, sentence=f"Write at least one [{heading}.NAME] heading.")
            )
            return {}
        found = {name: self._named(model, name, body, file, heading) for name, body in parts.items()}
        return {name: read for name, read in found.items() if read is not None}

    def _named(self, model: type[_M], name: str, body: Any, file: str, heading: str) -> _M | None:
        key = f"{heading}.{name}"
        if not isinstance(body, dict):
            self.mistakes.append(Mistake(file=file, key=key, sentence=f"Write a [{key}] heading with keys."))
            return None
        if "name" in body:
            sentence = "The heading is the name; leave this key out."
            self.mistakes.append(Mistake(file=file, key=f"{key}.name", sentence=sentence))
        return self._model(model, {**body, "name": name}, file=file, under=key)

    def folder(self, folder: str, model: type[_M]) -> dict[str, _M]:
        """Read a folder in which each file is one model that bears the file's name."""
        found: dict[str, _M] = {}
        paths = sorted((self.directory / folder).glob("*.toml"))
        if not paths and folder == "datasets":
            sentence = "There is no dataset; write one file for each, as datasets/NAME.toml."
            self.mistakes.append(Mistake(file=folder, key="", sentence=sentence))
        for path in paths:
            file = f"{folder}/{path.name}"
            read = self.one(file, model)
            if read is None:
                self.unreadable.add(f"{folder}/{path.stem}")
                continue
            if getattr(read, "name", None) != path.stem:
                sentence = (
                    f'The name must be that of the file; write name = "{path.stem}" or rename the file.'
                )
                self.mistakes.append(Mistake(file=file, key="name", sentence=sentence))
            found[path.stem] = read
        return found

    def _toml(self, file: str) -> dict[str, Any] | None:
        path, sentence = self.directory / file, ""
        try:
            data = path.read_bytes()
            if len(data) <= LARGEST_FILE:
                return tomllib.loads(data.decode())
            sentence = f"The file has more than {LARGEST_FILE} bytes; split what it describes."
        except FileNotFoundError:
            sentence = "This file is missing; copy it from the policies that come with the sandbox."
        except OSError as error:
            sentence = f"The file cannot be read ({error.strerror}); give the sandbox the right to read it."
        except UnicodeDecodeError:
            sentence = "The file is not UTF-8 text; save it as UTF-8."
        except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
            sentence = f"This is not TOML: {error}."
        self.mistakes.append(Mistake(file=file, key="", sentence=sentence))
        self.unreadable.add(file)
        return None

    def _model(self, model: type[_M], content: dict[str, Any], *, file: str, under: str = "") -> _M | None:
        try:
            return model.model_validate(content)
        except ValidationError as problem:
            for error in problem.errors():
                parts = [str(part) for part in error["loc"] if part != "[key]"]
                key = ".".join([under, *parts] if under else parts)
                self.mistakes.append(Mistake(file=file, key=key, sentence=sentence_of(error)))
            self.unreadable.add(f"{file} {under}")
            return None
