"""A listening socket that is handed to a process, as systemd does it."""


def with_listener(command, listener):
    """A command that takes the socket over, which has to be among its `pass_fds`."""
    # The number of the process is known to itself only.
    return ["bash", "-c", 'exec env LISTEN_PID=$$ LISTEN_FDS=1 "$@" 3<&%d' % listener.fileno(), "bash", *command]
