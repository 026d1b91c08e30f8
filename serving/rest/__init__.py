"""TensorFlow Serving's REST API: the application, its calls, and JSON read and written as there.

A float's text is in `json_text`, a body's tensors in `json_tensor`, the parser's rules in
`json_parse` and `rapidjson`.
"""
