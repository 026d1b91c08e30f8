"""Text as a condition: `tokens`, `encoders` of them, and losses of `matching`.

`reader` is what a text-to-image model does with its captions.

    words = tfgen.text.vocabulary(["a red three", "a small blue one"])

The networks that draw pictures of an encoded text are in `tfgen.networks.text_networks`.
"""

from tfgen.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "tokens": (
            "ALPHABET",
            "PADDING",
            "Characters",
            "Words",
            "served",
            "tokenizer",
            "vocabulary",
            "words",
        ),
    },
)
