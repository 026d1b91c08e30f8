"""The laboratory: `tfgen explore lab`, a page on which models learn densities while one looks on.

The page asks for steps; the models, losses and steps are those of the library. `settings` holds
what a game may be set to, `links` the state as a link, `drawn` the densities drawn by hand,
`players` the models, `play` the games side by side, `look` what is shown of them, `recipes` the
program and the config of what runs, `session` what a page may ask, `server` its files and socket.
"""

from tfgen.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "links": ("State", "of_link"),
        "play": ("Play",),
        "server": ("Server",),
    },
)
