"""How a dataset gets its bounded copy.

Order: the loss of the truncation profile is charged to the population and the intent logged; then
the registrar reads the raw tables in a process of its own (own uid where the sandbox is started as
root) and writes the copy; then the new snapshot becomes the active one, together with its log
entry. A failed load leaves the old copy answering, and its charge stands.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping

from sandbox.audit.event import Event, Kind
from sandbox.canonical import Canonical, encode
from sandbox.errors import NotAnswerable, NotFound
from sandbox.governance import catalogue
from sandbox.governance.installation import Books, Owners, seed_file
from sandbox.ledger.ledger import Ledger
from sandbox.policy.dataset import DatasetPolicy
from sandbox.policy.load import Policies
from sandbox.settings import Settings
from sandbox.sources.register import Places, Snapshot, planned_loss

REGISTRATION_DEADLINE = 3600.0
"""Seconds one dataset's load may take."""


def register(name: str, *, actor: str, settings: Settings, policies: Policies, books: Books) -> Snapshot:
    """Load ``name`` into a bounded copy and let it answer from now on.

    The same source under the same policy again changes nothing and costs nothing.

    Raises:
        NotFound: no policy describes such a dataset.
        OverBudget: the population's lifetime budget does not cover the profile.
        NotAnswerable: the raw tables could not be loaded; the old copy stays.
    """
    dataset = require_dataset(policies, name)
    known = catalogue.find_active(books.engine, name)
    found = run_registrar(dataset, settings, {"only_look": True})
    digest = str(found["digest"])
    again = known is not None and known.digest == digest
    if known is not None and again and found["stands"]:
        return known
    if not again:  # a lost copy is built again with the profile it had: nothing new is told of the data
        _charge(digest, dataset, actor=actor, policies=policies, books=books)
    order = {"policy_digest": policies.digest, "known": None if known is None else known.to_document()}
    new = Snapshot.from_document(run_registrar(dataset, settings, order))
    with books.log.writing() as transaction:
        catalogue.activate(transaction, new)
        transaction.append(
            Event(
                kind=Kind.DATASET_REGISTERED,
                actor=actor,
                subject=new.digest,
                dataset=name,
                body={"policy": policies.digest, "shape": new.shape},
            )
        )
    return new


def require_dataset(policies: Policies, name: str) -> DatasetPolicy:
    """Return the policy of dataset ``name``.

    Raises:
        NotFound: there is none.
    """
    dataset = policies.datasets.get(name)
    if dataset is None:
        raise NotFound(
            "dataset-unknown",
            f"No policy describes a dataset {name!r}.",
            allowed="Datasets with a policy: " + ", ".join(sorted(policies.datasets)) + ".",
        )
    return dataset


def _charge(digest: str, dataset: DatasetPolicy, *, actor: str, policies: Policies, books: Books) -> None:
    loss = planned_loss(dataset)
    event = Event(
        kind=Kind.DATASET_REGISTERING,
        actor=actor,
        subject=digest,
        dataset=dataset.name,
        body={"policy": policies.digest, "loss": loss.picorho},
    )
    population = policies.populations[dataset.population]
    Ledger(books.log).charge_registration(digest, dataset, population, loss, event)


def run_registrar(
    dataset: DatasetPolicy, settings: Settings, what: Mapping[str, Canonical]
) -> dict[str, object]:
    """Run the registrar as its own process and return the document it answers with.

    Args:
        dataset: the policy.
        settings: where its raw tables are.
        what: the part of the order that says what to do; see :func:`sandbox.sources.register.run`.

    Raises:
        NotAnswerable: it could not be done; the copy before, if any, is as it was.
    """
    owners = Owners.of(settings)
    order = encode(
        {
            "dataset": dataset.model_dump(mode="json", exclude_unset=True),
            "places": Places(
                raw=settings.raw,
                target=settings.bounded,
                reader_gid=owners.gateway if os.geteuid() == 0 else None,
                postgresql=settings.postgresql_registrar,
                reader_role=settings.postgresql_reader,
                spark_master=settings.spark_master,
            ).to_document(),
            "seed": str(seed_file(settings, dataset.name).resolve()),
            **what,
        }
    )
    identity = (
        {"user": owners.registrar, "group": owners.registrar, "extra_groups": [owners.gateway]}
        if os.geteuid() == 0
        else {}
    )
    done = subprocess.run(  # our own interpreter and module, no shell, nothing from outside
        [sys.executable, "-m", "sandbox.sources.register"],
        input=order,
        capture_output=True,
        timeout=REGISTRATION_DEADLINE,
        check=False,
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
        **identity,  # type: ignore[call-overload]  # the three keyword arguments above
    )
    if done.returncode != 0:
        raise NotAnswerable(
            "dataset-not-loaded",
            f"Dataset {dataset.name} could not be loaded; the copy before it, if any, still answers.",
            allowed="Check that each table's source stands in the raw directory or database, can be read "
            "by the registrar and not by the gateway, and has the columns its policy names.",
        )
    document: dict[str, object] = json.loads(done.stdout)
    return document
