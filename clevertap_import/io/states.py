"""The states of the journal's deliveries."""

SENDING = "sending"
ANSWERED = "answered"
UNCERTAIN = "uncertain"
RESENT = "resent"
LOST = "lost"
OPEN = (SENDING, UNCERTAIN)
"""Sent, and the answer is not known: lost with the process, or lost on its way."""
