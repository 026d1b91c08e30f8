// What the papers say, as links.

export const SCENES = [
  ["The first game: figure 1 of the GAN paper", "data=normal&seed=0"],
  ["log(1 − D) saturates, −log D does not", "data=normal&seed=0&a=loss:minimax,discriminator_steps:5&b=loss:non_saturating,discriminator_steps:5"],
  ["G drops modes; more steps of D", "data=ring&seed=0&a=model:gan&b=discriminator_steps:5"],
  ["Wasserstein with penalty beside non-saturating", "data=grid&seed=0&a=loss:wasserstein,penalty:gradient_penalty,penalty_weight:0.1,discriminator_steps:5&b=model:gan"],
  ["GAN, VAE and AAE on two moons", "data=moons&seed=0&a=model:gan&b=model:vae&c=model:aae"],
  ["A VAE spreads where a GAN does not", "data=mixture&seed=0&a=model:vae&b=model:gan"],
];
