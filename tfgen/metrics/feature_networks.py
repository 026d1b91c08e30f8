"""Networks whose features and class probabilities the sample metrics are computed on."""
# Written next.


class FeatureNetwork:
    """Attributes: name, hash, shape (H, W, C) or None, range (-1, 1), feature_dim, num_classes."""

    def features(self, images, batch_size=250):
        """(N, H, W, C) in [-1, 1] -> (N, F) float32."""
        raise NotImplementedError

    def probabilities(self, images, batch_size=250):
        """(N, H, W, C) in [-1, 1] -> (N, K) float32."""
        raise NotImplementedError

    def features_and_probabilities(self, images, batch_size=250):
        """Both in one pass."""
        raise NotImplementedError

    def protocol(self):
        """name, hash, resize as plain values for a stamp."""
        raise NotImplementedError


def load(name) -> FeatureNetwork:
    """ "mnist28", "cifar32", "digits8", "inception_v3", or the path of a Keras model/SavedModel."""
    raise NotImplementedError


def default_for(image_shape) -> str:
    """The name of the shipped network that fits pictures of this shape."""
    raise NotImplementedError
