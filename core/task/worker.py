"""The task worker: `python -m core.task.worker` answers core.task.service. Runs in a worker process."""

from __future__ import annotations

import importlib.util

from core.task import methods
from utils.process import serve

if __name__ == "__main__":
    found = dict(methods.METHODS)
    if importlib.util.find_spec("core.task.view_methods") is not None:
        found |= importlib.import_module("core.task.view_methods").METHODS
    serve(found)
