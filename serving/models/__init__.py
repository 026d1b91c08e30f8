"""What is served: folders into versions, versions into loaded SavedModels, requests into runs.

Folders and policies are in `sources`, swaps in `manager`, one version's checks in `predict`,
queues in `batching`, what bounds the load in `limits`.
"""
