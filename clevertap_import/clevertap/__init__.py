"""Requests to CleverTap: one call, one batch, one delivery."""
