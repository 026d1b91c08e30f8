"""One batch, divided: among replicas (`sharing`), or into parts in turn (`accumulation`)."""
