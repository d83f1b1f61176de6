"""The error that users of the package see."""

from __future__ import annotations


class Refused(ValueError):
    """A network, data set or folder that cannot be recorded; the message says why, and what to do."""
