"""What a notebook imports.

::

    from sandbox.client import connect, fixes
    sandbox = connect("visits-study")
    answer = sandbox.ask("SELECT district, COUNT(*) AS n FROM visits GROUP BY district")
    sandbox.check({"visits.csv": answer})
    sandbox.submit({"visits.csv": answer}, purpose="Visits by district, for the yearly report")

- :func:`connect` opens the one way there is: the gateway, through the door of this notebook.
- :class:`Session` asks, estimates, checks, submits, lists, withdraws and fetches.
- :class:`Answer` is a data frame that knows its cost, what is left, its warnings and its receipt.
- :class:`Checked` is what the checks would say of files, each finding with what cures it.
- :mod:`fixes` are the cures: functions of a data frame.
- :class:`Release` is one of your release requests.
- :class:`Refused` says what is wrong and what would be allowed.
"""

from sandbox.client import fixes as fixes
from sandbox.client.answer import Answer as Answer
from sandbox.client.answer import Estimate as Estimate
from sandbox.client.checked import Checked as Checked
from sandbox.client.releases import Release as Release
from sandbox.client.session import Session as Session
from sandbox.client.session import connect as connect
from sandbox.client.transport import Refused as Refused

__all__ = ["Answer", "Checked", "Estimate", "Refused", "Release", "Session", "connect", "fixes"]
