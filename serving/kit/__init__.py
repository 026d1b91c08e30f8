"""Templates by which TensorFlow Serving itself runs an export, and `files`, which fills them."""
