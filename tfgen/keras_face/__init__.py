"""The face that a model turns to Keras: its calls, its callbacks and its networks.

`calls` says what `fit`, `compile`, `predict` and the like mean for a model with players of its own,
`callbacks` which of Keras's callbacks can work on one, `own_networks` how a user's networks take
the place of the model's own.
"""
