"""TensorFlow Serving's gRPC API: the services, and failures as statuses."""
