"""What a server is told: flags, options, and TensorFlow Serving's configuration files."""
