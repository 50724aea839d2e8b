"""Who is told of what happens to a release: derived from the log, never by the desk itself.

A follower reads the log behind the desk (:mod:`sandbox.notices.follower`), says whom an entry concerns
(:mod:`sandbox.notices.concerning`) and keeps a notice for each of them (:mod:`sandbox.notices.box`). Couriers
carry notices to a mail server and to webhooks (:mod:`sandbox.notices.courier`). No request waits for any of
them; what was missed while one was down is caught up, once.

A notice names a request and what became of it: never a file, a content, a purpose, a reason or a vote.
While a round is blind nothing is told that depends on whether somebody has voted.
"""
