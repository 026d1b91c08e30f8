"""A network that notes what passes through it; for steps taken eagerly."""


class Recording:
    """Stands in for a network of a model.

    Attributes:
        calls: (inputs, output) of each pass, in order.
    """

    def __init__(self, network):
        self.network, self.calls = network, []

    def __call__(self, inputs, training=False):
        output = self.network(inputs, training=training)
        self.calls.append((inputs, output))
        return output

    def __getattr__(self, name):
        return getattr(self.network, name)


def step_recorded(model, batch, *names):
    """One eager step; the named networks' `Recording`s."""
    model.compile(run_eagerly=True)
    recordings = []
    for name in names:
        recordings.append(Recording(getattr(model, name)))
        object.__setattr__(model, name, recordings[-1])
    model.train_step(batch)
    return recordings
