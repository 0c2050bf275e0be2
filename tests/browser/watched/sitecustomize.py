"""Python imports this at its start: every file opened for writing and every process started is noted in $WATCH_LOG.

What an observer of folders would miss is here as well: files that are written and deleted again, and processes.
"""

import os
import sys

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_EVENTS = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "os.link", "os.symlink", "os.chmod",
           "os.utime", "os.exec", "os.fork", "os.posix_spawn", "os.system", "os.kill", "subprocess.Popen"}  # fmt: skip


def _note(event, given):
    if event in _EVENTS or (event == "open" and isinstance(given[2], int) and given[2] & _WRITING):
        os.write(_log, f"{event} {' '.join(map(str, given[:2]))}\n".encode(errors="replace"))


if "WATCH_LOG" in os.environ:
    _log = os.open(os.environ["WATCH_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    sys.addaudithook(_note)
