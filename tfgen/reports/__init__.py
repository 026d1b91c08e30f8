"""What people read of a run: its report page, its model card, and several runs side by side.

Importing this package does not import TensorFlow.
"""

from tfgen.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, {})
