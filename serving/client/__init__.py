"""A client of TensorFlow Serving in arrays and pictures, over REST or gRPC."""
