"""The cage: one file per layer, put together in ``cage``.

Each layer is applied in the process that is about to run tests, before anything of the suite is
imported. A layer that the machine cannot give raises `LayerUnavailable` with the reason.
"""

from __future__ import annotations


class LayerUnavailable(Exception):
    """The layer is not to be had here, or not by this user; the message says why."""
