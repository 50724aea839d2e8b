"""What a notebook imports.

::

    from sandbox.client import connect
    sandbox = connect("visits-study")
    answer = sandbox.ask("SELECT district, COUNT(*) AS n FROM visits GROUP BY district")

- :func:`connect` opens the one way there is: the gateway, through the door of this notebook.
- :class:`Session` asks, estimates, submits and lists.
- :class:`Answer` is a data frame that knows its cost, what is left, its warnings and its receipt.
- :class:`Refused` says what is wrong and what would be allowed.
"""

from sandbox.client.answer import Answer as Answer
from sandbox.client.answer import Estimate as Estimate
from sandbox.client.session import Session as Session
from sandbox.client.session import connect as connect
from sandbox.client.transport import Refused as Refused

__all__ = ["Answer", "Estimate", "Refused", "Session", "connect"]
