"""The one error that users meet: what cannot be recorded, in a sentence that says what can be done."""

from __future__ import annotations


class Refused(ValueError):
    """A network, data set or folder that cannot be recorded; the message is one sentence with a way out."""
