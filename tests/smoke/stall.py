# SPDX-License-Identifier: BSD-3-Clause
"""One thread of a program stands still, as one that hangs does, while all others go on: ptrace(2)
stops threads, where signals stop processes."""

import ctypes
import errno
import os
import pathlib

from running import skip

PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17
WALL = 0x40000000  # waitpid(2): threads, too

libc = ctypes.CDLL(None, use_errno=True)


def ptrace(request, thread):
    if libc.ptrace(ctypes.c_long(request), ctypes.c_long(thread), None, None) < 0:
        error = ctypes.get_errno()
        if error == errno.EPERM:
            skip("ptrace(2) is not allowed here")
        raise OSError(error, "ptrace")


def threads(pid, name):
    """Numbers of the threads whose name has that in it."""
    return [int(task.name) for task in pathlib.Path(f"/proc/{pid}/task").iterdir()
            if name in (task / "comm").read_text()]


class Stalled:
    """with Stalled(thread): it stands still."""

    def __init__(self, thread):
        self.thread = thread

    def __enter__(self):
        ptrace(PTRACE_SEIZE, self.thread)
        ptrace(PTRACE_INTERRUPT, self.thread)
        os.waitpid(self.thread, WALL)
        return self

    def __exit__(self, *_):
        """Goes on, or has ended."""
        try:
            ptrace(PTRACE_DETACH, self.thread)
        except ProcessLookupError:
            self.reap()

    def reap(self):
        """A traced thread that has ended holds up the end of its process until it is asked."""
        try:
            os.waitpid(self.thread, WALL)
        except ChildProcessError:
            pass
