"""The priors by name, and `as_prior`, which makes one of whatever an argument holds.

standard_normal, gaussian              `tfgen.probability.prior`
mixture, gaussian_mixture, swiss_roll  `tfgen.probability.shaped_priors`
distributions of tfp                   `tfgen.probability.tfp_priors`
"""

import json
from typing import Any

from tfgen.construct import construct
from tfgen.probability.prior import Gaussian, Prior, Sampler, StandardNormal

PRIORS = {
    "standard_normal": StandardNormal,
    "gaussian": Gaussian,
    "mixture": "tfgen.probability.shaped_priors.mixture",
    "gaussian_mixture": "tfgen.probability.shaped_priors.gaussian_mixture",
    "swiss_roll": "tfgen.probability.shaped_priors.SwissRoll",
}


def as_prior(prior: Any, dim: int, where: str = "prior") -> Prior:
    """The `Prior` that an argument stands for.

    Args:
        prior: A name of `PRIORS`, a mapping with `name` and arguments, a `Prior`, a tfp
            distribution with event shape (dim,), or a function from uniform numbers (B, dim) to
            codes (B, dim).
        dim: Length of a code.
        where: What messages call it.

    Raises:
        ValueError: An unknown name, or codes of another length.
    """
    if isinstance(prior, str | dict):
        # Keras wraps a model's dicts and lists in classes of its own.
        prior = construct(PRIORS, json.loads(json.dumps(prior)), where, dim=dim)
    elif hasattr(prior, "event_shape") and hasattr(prior, "sample"):
        from tfgen.probability.tfp_priors import distribution_prior

        prior = distribution_prior(prior)
    elif callable(prior) and not isinstance(prior, Prior):
        prior = Sampler(prior, dim)
    if not isinstance(prior, Prior):
        raise ValueError(
            f"`{where}` must be one of {', '.join(PRIORS)}, a mapping with `name`, a "
            f"tfgen.probability.Prior, a tfp distribution or a function. Received: {prior!r}."
        )
    if prior.dim != dim:
        raise ValueError(
            f"`{where}` must be a distribution of codes of length latent_dim = {dim}. "
            f"Received one of length {prior.dim}."
        )
    return prior
