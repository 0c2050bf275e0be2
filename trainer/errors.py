"""The one exception that is meant for the user's eyes."""


class UserError(Exception):
    """Bad input or a hostile environment, told in one sentence that says what to do.

    The command line prints it and exits with status 2; pages show it instead of a traceback. Everything
    else that is raised is a fault of the program.
    """


class EchoError(UserError):
    """The failure of another process of the same training, which tells it; this one ends in silence."""


class StoppedError(Exception):
    """The user asked for the work to stop, and it ended before it had a result."""
