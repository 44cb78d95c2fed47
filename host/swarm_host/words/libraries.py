"""What the host side itself imports, as requirements.txt lists it."""

from __future__ import annotations

from collections.abc import Mapping

# Module to package.
OWN: Mapping[str, str] = {"yaml": "PyYAML", "rich": "rich"}
