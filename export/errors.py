"""Why an export is not there."""


class ExportError(ValueError):
    """An export that could not be written, or that does not compute what the model computes."""
