"""A privacy-preserving computation sandbox for public-sector data.

Raw data stays where it is. Approved analysts ask it questions from isolated notebooks and get
differentially private answers; files leave only after a second person has approved the very bytes
that leave; every step stands in a log that others can prove whole.

Where to look first: :mod:`sandbox.gateway` is the straight path of one question,
:mod:`sandbox.review.desk` the way of a file out, :mod:`sandbox.audit.verify` the proof afterwards.
"""

__version__ = "0.1.0"
