"""The exceptions of the trainer; only the message of a UserError is shown to the user."""


class UserError(Exception):
    """Bad input or a failing environment, explained in one sentence that says what to do.

    The command line prints it and exits with status 2; pages show it instead of a traceback. Any other
    exception is a fault of the program.
    """


class EchoError(UserError):
    """The failure of another process of the same training, which reports it; this one ends silently."""


class StoppedError(Exception):
    """The user stopped the work before it had a result."""
