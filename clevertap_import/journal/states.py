"""The states of the journal's deliveries."""

SENDING = "sending"
ANSWERED = "answered"
UNCERTAIN = "uncertain"
RESENT = "resent"
LOST = "lost"
RETRIED = "retried"
"""Beside an accepted batch: those of its profiles of which an answer was lost before they were accepted."""

UNANSWERED = (SENDING, UNCERTAIN)
"""Sent, and the answer is not known: lost with the process, or lost on its way."""

OVERTAKEN = (RESENT, RETRIED)
"""Sent without an answer, and sent again: the first request may still be under way."""
