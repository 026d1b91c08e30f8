"""Disentanglement of codes (N, Z) against known factors (N, K) integers: MIG, DCI, SAP, FactorVAE."""
# Written next.


def mig(codes, factors, bins=20) -> float:
    raise NotImplementedError


def dci(codes, factors, seed=0) -> dict[str, float]:
    """ "disentanglement", "completeness", "informativeness"."""
    raise NotImplementedError


def sap(codes, factors, seed=0) -> float:
    raise NotImplementedError


def factor_vae_score(codes, factors, batch=64, votes=800, seed=0) -> float:
    raise NotImplementedError
