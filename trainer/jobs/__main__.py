"""The process of a background task: `python -m trainer.jobs TASK TARGET ARGUMENTS`; Task.launch (task.py) starts it."""

import json
import sys
from pathlib import Path

from trainer.errors import UserError
from trainer.jobs import disentangle, estimate, evaluate, geometry, map, queue, quick_look, study, train, whole_study
from trainer.jobs.task import Job
from trainer.system import processes

_MODULES = (evaluate, disentangle, geometry, map, estimate, quick_look, study, train, whole_study)
TASKS = {module.TASK.name: module.TASK for module in _MODULES}
"""All background tasks by name; a new task is a module with a TASK, listed here."""


def main(arguments: list[str]) -> int:
    """Do the work; return 0 if it ended or was stopped, 2 on bad input."""
    name, target, values = arguments
    job = Job(TASKS[name], Path(target), json.loads(values))
    processes.lower_priority()
    try:
        if job.task is not train.TASK:
            job.run()
            return 0
        try:
            return train.TASK.work(job.target, **job.arguments)  # a training has its own lock, status and log
        finally:
            queue.dispatch(job.target.parent)
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
