"""The command `tfgen`: `main` has the parser, each other module a group of commands.

Commands print and hand on; what they do is a function elsewhere. Importing this package does not
import TensorFlow.
"""

from tfgen.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, {})
