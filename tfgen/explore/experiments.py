"""The experiments by name, in the order in which `tfgen explore --help` lists them.

A new experiment is a function in a file of its own and a line here. Its keyword arguments are the
options of the command, their meaning is read from its docstring, and three names are filled in
from a run: `model` (the trained model; `models` for several runs: name -> model), `train` and
`test` (the `tfgen.data.Source` of that split). `progress` is called with (done, total).
"""

EXPERIMENTS = {
    "game": "tfgen.explore.line_game.game",
    "heavy-tails": "tfgen.explore.tails.heavy_tails",
    "elbo": "tfgen.explore.the_bound.elbo",
    "interpolate": "tfgen.explore.interpolation.interpolate",
    "arithmetic": "tfgen.explore.vector_arithmetic.arithmetic",
    "traverse": "tfgen.explore.traversals.traverse",
    "directions": "tfgen.explore.latent_directions.directions",
    "invert": "tfgen.explore.inversion.invert",
    "nearest": "tfgen.explore.nearest_neighbours.nearest",
    "ablate": "tfgen.explore.ablation.ablate",
    "filters": "tfgen.explore.feature_maps.filters",
    "transposed": "tfgen.explore.transposed_convolution.transposed",
    "probe": "tfgen.explore.probes.probe",
    "outliers": "tfgen.explore.odd_pictures.outliers",
    "classify": "tfgen.explore.bayes.classify",
    "order": "tfgen.explore.autoregression.order",
    "stages": "tfgen.explore.growth.stages",
    "domains": "tfgen.explore.translations.domains",
    "assemble": "tfgen.explore.puzzles.assemble",
    "sentences": "tfgen.explore.captions.sentences",
    "divergences": "tfgen.explore.fitted_gaussian.divergences",
}
# They need no start of TensorFlow, which takes seconds.
WITHOUT_TENSORFLOW = ("transposed", "divergences")
