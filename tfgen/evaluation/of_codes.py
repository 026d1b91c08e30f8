"""Whether codes tell the known factors of pictures apart."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tfgen.evaluation import drawing, needs
from tfgen.metrics import measures
from tfgen.metrics.intervals import Value

if TYPE_CHECKING:
    from tfgen.evaluation.work import Work
    from tfgen.model import GenerativeModel


@dataclass(frozen=True)
class Disentanglement:
    """MIG, DCI, SAP and FactorVAE score of codes against known factors (data set "shapes").

    Codes are the encoder's means, or what a recognition network infers.

    Args:
        limit: Pictures.
        seed: Of splits and votes.
    """

    limit: int = 10_000
    seed: int = 0

    needs = (needs.codes, needs.factors)

    def measure(self, work: "Work") -> dict[str, Value]:
        codes, factors = [], []
        batches = work.watched(work.reference.batches(work.batch_size), "codes")
        with work.model.averaged():
            for batch in batches:
                codes.append(encoded(work.model, batch))
                factors.append(batch["factors"])
                if sum(map(len, codes)) >= self.limit:
                    break
        codes, factors = (np.concatenate(x)[: self.limit] for x in (codes, factors))
        return measures.disentanglement(codes, factors, seed=self.seed)


def encoded(model: "GenerativeModel", batch: dict[str, np.ndarray]) -> np.ndarray:
    """Codes (B, Z) of a batch: means, plain codes, or probabilities and means side by side."""
    name = "encode" if "encode" in model.signatures() else "infer"
    outputs = drawing.served(model, name, batch)
    if name == "encode":
        return next(iter(outputs.values()))
    kept = [v.reshape(len(v), -1) for k, v in outputs.items() if k != "stddev"]
    return np.concatenate(kept, axis=1)
