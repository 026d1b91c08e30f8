"""The metrics by name: what `tfgen list metrics`, configs and `tfgen evaluate` know."""

METRICS = {
    "fid": "tfgen.evaluation.of_features.FID",
    "fid_infinity": "tfgen.evaluation.of_features.FIDInfinity",
    "kid": "tfgen.evaluation.of_features.KID",
    "is": "tfgen.evaluation.of_features.InceptionScore",
    "prdc": "tfgen.evaluation.of_features.PRDC",
    "swd": "tfgen.evaluation.of_pixels.SlicedWasserstein",
    "ms_ssim": "tfgen.evaluation.of_pixels.Diversity",
    "memorisation": "tfgen.evaluation.of_pixels.Memorisation",
    "parzen": "tfgen.evaluation.of_pixels.Parzen",
    "nll": "tfgen.evaluation.of_likelihood.NegativeLogLikelihood",
    "elbo": "tfgen.evaluation.of_likelihood.ELBO",
    "iwae": "tfgen.evaluation.of_likelihood.IWAE",
    "conditional_nll": "tfgen.evaluation.of_likelihood.ConditionalNLL",
    "label_agreement": "tfgen.evaluation.of_conditions.LabelAgreement",
    "train_on_synthetic": "tfgen.evaluation.of_conditions.TrainOnSynthetic",
    "condition_diversity": "tfgen.evaluation.of_conditions.ConditionDiversity",
    "domain_transfer": "tfgen.evaluation.of_translations.DomainTransfer",
    "mask_iou": "tfgen.evaluation.of_translations.MaskIoU",
    "reconstruction": "tfgen.evaluation.of_translations.Reconstruction",
    "disentanglement": "tfgen.evaluation.of_codes.Disentanglement",
}
