"""The laboratory: `tfgen explore lab`, a page on which models learn densities while one looks on.

The page asks for steps; the models, losses and steps are those of the library. `settings` holds what
is played and its link, `players` the models, `look` what is shown of them, `session` what a page may
ask, `recipes` the program and the config of it, `server` the page's files and its socket.
"""

from tfgen.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "server": ("Server",),
        "session": ("Session",),
    },
)
