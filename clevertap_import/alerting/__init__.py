"""Alerts on their way: one message to one channel, the outbox, and the heartbeat."""
