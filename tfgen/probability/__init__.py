"""Distributions: of pictures given logits, of codes, and bounds of what cannot be summed.

    tfgen.probability.as_prior({"name": "gaussian_mixture", "components": 10}, 2)

Observation models p(x|z) are in `observation` with their densities in `likelihoods`, pictures of a
few levels in `levels`; priors p(z) in `prior`, `shaped_priors` and `tfp_priors`, all by name in
`priors`; InfoGAN's codes in `codes`. Losses of games are in `tfgen.losses`.
"""

from tfgen.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "conditional_likelihood": ("conditional_log_likelihood",),
        "levels": (
            "bits_per_dim",
            "level_index",
            "level_nll",
            "level_value",
        ),
        "prior": ("Prior",),
        "priors": (
            "PRIORS",
            "as_prior",
        ),
    },
)
