"""Progressive growing of GANs, Karras et al. 2017, https://arxiv.org/abs/1710.10196.

Both networks begin at 4x4 pixels and double their side until they reach the pictures'. A new level
is blended in: with alpha rising from 0 to 1 in the images shown, G's picture is
up(old) + alpha (new - up(old)), D's features likewise, and so are the real images. The game is
WGAN-GP with a small term that keeps D's scores from drifting:

    D minimises  E D(G(z)) - E D(x) + 10 E (|grad D(x')| / target - 1)^2 + 0.001 E D(x)^2
    G minimises  -E D(G(z))

Equalised learning rate (weights N(0, 1), scaled by gain / sqrt(fan-in) when used), codes and G's
features normalised pixel by pixel, the standard deviation over groups of 4 pictures as one more map
of D; Adam with rate 1e-3, beta_1 0, beta_2 0.99, one step of D for each of G. Samples come from the
moving average 0.999 of G's weights. As in the authors' TensorFlow code the optimizers' slots begin
anew at the start and at the end of each blend (`tfgen.stages.restart`); the averages go on.

Differs from the paper: all levels' weights exist from the start, untrained; a level begins with the
first batch after its count of images is reached; groups for the deviation are rows that follow each
other. There is no served `discriminate`: D's score of a picture depends on its group.
"""

from functools import partial

import keras
import tensorflow as tf

from tfgen import stages
from tfgen.model import GenerativeModel, initial_weights
from tfgen.networks.equalized import GROUP, blend, doubled, shrunk
from tfgen.networks.game import Game
from tfgen.networks.progressive import (
    ProgressiveDiscriminator,
    ProgressiveGenerator,
    Schedule,
    each_level,
    levels,
)
from tfgen.optimizers import descend
from tfgen.signature import Input, Signature
from tfgen.step import step


@keras.saving.register_keras_serializable("tfgen")
class ProgressiveGAN(GenerativeModel):
    """Two networks that grow while they train; one `fit` runs the whole schedule.

    `sample`, `generate` and exports give pictures of the side that the last step trained.

    Args:
        image_shape: (S, S, C), S a power of two from 4 on; batches have this size and are shrunk
            to the current one.
        latent_dim: Length of z.
        feature_maps: 4x4 has half as many, each level half of the one before, ...
        max_feature_maps: ... but no level more than this.
        stable_images: Images shown at each side 4, 8, 16, ... on its own; the last number holds for
            all further sides. The last side goes on as long as `fit` does.
        fade_images: Images shown while 8, 16, ... are blended in; likewise (0 for no blend).
        batch_sizes: Images in one update of the players at 4, 8, 16, ..., likewise, over all
            replicas. A batch that `fit` gives is cut into as many; it must be divisible. None for
            the whole batch.
        deviation_group: Rows over which the minibatch standard deviation is taken.
        penalty_weight: Of the gradient penalty.
        penalty_target: Norm that the gradient is drawn to; 750 for the paper's CIFAR-10.
        drift_weight: Of the mean of D(x)^2.
        seed: Of the initial weights and of every draw.

    Raises:
        ValueError: A side that is no power of two, or numbers of images that are none.
    """

    reports = (
        "discriminator_loss",
        "generator_loss",
        "side",
        "alpha",
    )

    def __init__(
        self,
        image_shape=(1024, 1024, 3),
        latent_dim=512,
        feature_maps=8192,
        max_feature_maps=512,
        stable_images=(600_000,),
        fade_images=(600_000,),
        batch_sizes=None,
        deviation_group=GROUP,
        penalty_weight=10.0,
        penalty_target=1.0,
        drift_weight=0.001,
        seed=0,
    ):
        super().__init__(seed)
        self.image_shape = tuple(image_shape)
        self.latent_dim = latent_dim
        self.feature_maps = feature_maps
        self.max_feature_maps = max_feature_maps
        self.stable_images = tuple(stable_images)
        self.fade_images = tuple(fade_images)
        self.batch_sizes = None if batch_sizes is None else tuple(batch_sizes)
        self.deviation_group = deviation_group
        self.penalty_weight = penalty_weight
        self.penalty_target = penalty_target
        self.drift_weight = drift_weight
        self.game = Game("wasserstein", penalty="gradient_penalty", penalty_target=penalty_target)
        self.reporting(*self.reports, *self.game.reports)
        number, channels = levels(self.image_shape), self.image_shape[-1]
        self.schedule = Schedule(
            each_level("stable_images", self.stable_images, number, 1),
            each_level("fade_images", self.fade_images, number, 0),
            batch_sizes and each_level("batch_sizes", self.batch_sizes, number, 1),
        )
        maps = [max(1, min(feature_maps >> n + 1, max_feature_maps)) for n in range(number)]
        with initial_weights(seed):
            self.generator = ProgressiveGenerator(latent_dim, maps, channels, name="generator")
            self.discriminator = ProgressiveDiscriminator(
                maps, channels, deviation_group, name="discriminator"
            )
        counter = {"shape": (), "initializer": "zeros", "trainable": False}
        counter["aggregation"] = "only_first_replica"
        self.shown = self.add_weight(name="shown", dtype="int64", **counter)
        self.stage_number = self.add_weight(name="stage", dtype="int32", **counter)
        self.stage = self.schedule.numbered(0)
        self._served_stage = self.stage

    def compile(self, generator_optimizer=None, discriminator_optimizer=None, **keras_arguments):
        stages.one_step_an_execution("ProgressiveGAN", keras_arguments)
        of_g = generator_optimizer or paper_optimizer(use_ema=True, ema_momentum=0.999)
        self.compile_players(
            keras_arguments,
            paper_optimizer,
            generator_optimizer=(of_g, self.generator),
            discriminator_optimizer=(discriminator_optimizer, self.discriminator),
        )

    @step
    def train_step(self, batch):
        stage, images = self.stage, batch["image"]
        images = shrunk(images, self.image_shape[0] // stage.side)  # (B, S, S, C)
        for number, real in enumerate(self.cut(images)):
            size = tf.shape(real)[0]
            alpha = self.alpha(number * size * self.distribute_strategy.num_replicas_in_sync)
            real = self.faded(real, alpha)

            fake = self.picture(self.normal("z of D", size, self.latent_dim), alpha)
            with tf.GradientTape() as tape:
                score, fake_score = self.critic(real, alpha), self.critic(fake, alpha)
                d_loss = self.game.discriminator(score, fake_score)
                penalty = self.game.penalty(partial(self.critic, alpha=alpha), real, fake)
                drift = tf.reduce_mean(tf.square(score))
                loss = d_loss + self.penalty_weight * penalty + self.drift_weight * drift
            descend(self.discriminator_optimizer, tape, loss, *self.discriminator.active(stage))

            z = self.normal("z of G", size, self.latent_dim)
            with tf.GradientTape() as tape:
                g_loss = self.game.generator(self.critic(self.picture(z, alpha), alpha))
            descend(self.generator_optimizer, tape, g_loss, *self.generator.active(stage))

        rows = tf.shape(images)[0] * self.distribute_strategy.num_replicas_in_sync
        self.shown.assign_add(tf.cast(rows, tf.int64))
        return self.report(
            discriminator_loss=d_loss,
            generator_loss=g_loss,
            **self.game.parts((score, fake_score), penalty),
            side=float(stage.side),
            alpha=alpha,
        )

    def picture(self, z, alpha):
        return self.generator.pictures(z, self.stage, alpha)

    def critic(self, image, alpha):
        return self.discriminator.scores(image, self.stage, alpha)

    def faded(self, real, alpha):
        """Real images blended as G's are, from the details that the level below can have."""
        return blend(doubled(shrunk(real)), real, alpha) if self.stage.fading else real

    def alpha(self, more=0, stage=None):
        """How far the level is blended in once `more` images than so far have been shown."""
        stage = stage or self.stage
        if not stage.fading:
            return tf.ones(())
        since = self.shown.value + tf.cast(more, tf.int64) - self.schedule.begin(stage.level)
        part = tf.cast(since, tf.float32) / float(self.schedule.fade[stage.level])
        return tf.clip_by_value(part, 0.0, 1.0)

    def cut(self, images):
        """The batch in the minibatches of the level, strided as in `tfgen.step.minibatches`."""
        replicas = self.distribute_strategy.num_replicas_in_sync
        count = self.schedule.updates(self.stage, images.shape[0], replicas)
        return [images[i::count] for i in range(count)]

    def make_train_function(self, force=False):
        if self.train_function is None or force:
            make = super().make_train_function
            self.train_function = stages.train_function(self, make, self.enter_stage)

    def enter_stage(self):
        """The stage of the next step, entered: what the paper does when layers are added."""
        self.stage = self.schedule.stage(int(keras.ops.convert_to_numpy(self.shown)))
        if self.stage != self.trained_stage():
            for optimizer in self.optimizers.values():
                stages.restart(optimizer, self.distribute_strategy)
            self.stage_number.assign(self.stage.number)
        return self.stage

    def trained_stage(self):
        """The stage of the last step, whose pictures are served."""
        return self.schedule.numbered(int(keras.ops.convert_to_numpy(self.stage_number)))

    def call_signature(self, name, feeds):
        stage = self.trained_stage()
        if stage != self._served_stage:
            self._served.clear()  # Graphs of another side.
            self._served_stage = stage
        return super().call_signature(name, feeds)

    def generate(self, stage, z):
        """Pictures (B, S, S, C) of the stage's side, clipped to [-1, 1] as the authors write them.

        G's last layer is linear, and D sees its values as they are.
        """
        pictures = self.generator.pictures(z, stage, self.alpha(stage=stage))
        return {"image": tf.clip_by_value(pictures, -1.0, 1.0)}

    def signatures(self):
        generate = partial(self.generate, self.trained_stage())
        return {"generate": Signature(generate, {"z": Input.noise(self.latent_dim)})}


def paper_optimizer(**averaging):
    return keras.optimizers.Adam(1e-3, beta_1=0.0, beta_2=0.99, epsilon=1e-8, **averaging)
