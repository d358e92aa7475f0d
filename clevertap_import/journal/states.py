"""The states of the journal's deliveries."""

SENDING = "sending"
ANSWERED = "answered"
UNCERTAIN = "uncertain"
RESENT = "resent"
LOST = "lost"
RETRIED = "retried"
"""Beside an accepted batch: its profiles for which an answer was lost before they were accepted."""

UNANSWERED = (SENDING, UNCERTAIN)
"""Sent, and the answer is unknown: it was lost with the process or on the network."""

OVERTAKEN = (RESENT, RETRIED)
"""Sent without an answer, and sent again: the first request may still be in flight."""
