"""What a trained model is worth: one call that measures every family, `tfgen.evaluate`.

Every figure comes with an interval and with a stamp that says how it was made. Metrics are the
small classes of `tfgen.evaluation.table.METRICS`; the mathematics is in `tfgen.metrics`. Importing
this package does not import TensorFlow.
"""
