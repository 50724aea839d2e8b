"""How a data steward pays for advice on a dataset's policy.

Order: the loss is charged to the population and the intent logged; then the registrar, which alone
reads raw rows, counts and adds the noise; then what it found is logged by its digest. A survey that
fails leaves its charge standing. Nothing else is kept: the steward alone sees the numbers, and they are
noisy.
"""

from __future__ import annotations

from decimal import Decimal

from sandbox import freezes
from sandbox.audit.event import Event, Kind
from sandbox.canonical import digest_of
from sandbox.governance.installation import Books
from sandbox.governance.registration import require_dataset, run_registrar
from sandbox.ledger.ledger import Ledger
from sandbox.policy.load import Policies
from sandbox.settings import Settings
from sandbox.sources.survey import Survey, survey_loss


def survey(
    name: str, *, epsilon: Decimal, actor: str, settings: Settings, policies: Policies, books: Books
) -> Survey:
    """Spend ``epsilon`` of the population on what the raw tables of ``name`` look like.

    Raises:
        NotFound: no policy describes such a dataset.
        NotAllowed: the dataset is frozen.
        OverBudget: the population's lifetime budget does not cover it.
        NotAnswerable: the raw tables could not be read.
    """
    dataset = require_dataset(policies, name)
    loss = survey_loss(dataset, epsilon)
    with books.log.reading() as connection:
        freezes.check(connection, person=actor, dataset=name)
    digest = str(run_registrar(dataset, settings, {"only_look": True})["digest"])
    paid = Event(
        kind=Kind.DATASET_SURVEYING,
        actor=actor,
        subject=digest,
        dataset=name,
        body={"policy": policies.digest, "epsilon": str(epsilon), "loss": loss.picorho},
    )
    population = policies.populations[dataset.population]
    Ledger(books.log).charge_registration(digest, dataset, population, loss, paid)
    found = Survey.from_document(run_registrar(dataset, settings, {"survey": str(epsilon)}))
    done = Event(
        kind=Kind.DATASET_SURVEYED,
        actor=actor,
        subject=digest,
        dataset=name,
        body={"policy": policies.digest, "survey": digest_of(found.to_document())},
    )
    with books.log.writing() as transaction:
        transaction.append(done)
    return found
