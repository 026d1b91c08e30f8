"""classify and regress over REST."""

import pytest


def _call(http, signature, verb, body):
    return http.predict({"signature_name": signature, **body}, verb=verb)


def test_classify(http):
    answer = _call(http, "classify", "classify", {"examples": [{"x": 0.25}, {"x": [1.0]}]})
    assert answer.json == {
        "results": [[["cat", 0.25], ["dog", 0.75]], [["cat", 1.0], ["dog", 0.0]]]
    }


def test_classify_without_labels(http):
    answer = _call(http, "scores", "classify", {"examples": [{"x": 0.25}]})
    assert answer.body == b'{"results":[[["",0.25],["",0.75]]]}'


def test_regress(http):
    answer = _call(http, "regress", "regress", {"examples": [{"x": 0.25}, {"x": 1.5}]})
    assert answer.body == b'{"results":[0.5,3.0]}'


def test_context_is_merged_into_each_example(http):
    body = {"context": {"x": 1.5}, "examples": [{}, {"x": 2.5}, {"other": "a"}]}
    assert _call(http, "regress", "regress", body).json == {"results": [3.0, 5.0, 3.0]}


def test_an_integer_is_an_int64_feature(http):
    assert _call(http, "int_feature", "regress", {"examples": [{"x": 2}]}).json == {
        "results": [2.0]
    }
    assert _call(http, "int_feature", "regress", {"examples": [{"x": True}]}).status == 200
    assert _call(http, "regress", "regress", {"examples": [{"x": 2}]}).status == 400


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({}, "examples"),
        ({"examples": {}}, "list/array"),
        ({"examples": []}, "empty array"),
        ({"examples": [1]}, "Example must be JSON object but got JSON Number"),
        ({"examples": [{"x": [1, 2.5]}]}, "feature: x expecting type: int64"),
        ({"examples": [{"x": ["a", 1]}]}, "feature: x expecting type: bytes"),
        ({"examples": [{"x": [1.5, 1]}]}, "feature: x expecting type: float"),
        ({"examples": [{"x": None}]}, "x has element with unexpected JSON type: Null"),
        ({"examples": [{"x": [[1]]}]}, "x has element with unexpected JSON type: Array"),
        ({"examples": [{"x": {"a": 1}}]}, "x has element with unexpected JSON type: Object"),
        ({"examples": [{"x": 1 << 63}]}, "Only int64_t is supported"),
        ({"examples": [{"x": {"b64": "!"}}]}, "Unable to base64 decode"),
        ({"context": 1, "examples": [{}]}, "Example must be JSON object"),
    ],
)
@pytest.mark.parametrize("verb", ["classify", "regress"])
def test_faults(http, verb, body, text):
    answer = _call(http, verb, verb, body)
    assert answer.status == 400
    assert text in answer.error


@pytest.mark.parametrize("verb", ["classify", "regress"])
def test_signatures(http, verb):
    body = {"examples": [{"x": 1.5}]}
    answer = _call(http, "S", verb, body)
    assert (answer.status, answer.error) == (400, "No signature was found with the name: S")
    assert _call(http, "two", verb, body).status == 400
    assert _call(http, "string", verb, body).status == 400
    answer = http.predict({"examples": [{}]}, "nope", verb)
    assert (answer.status, answer.error) == (404, "Servable not found for request: Latest(nope)")
    answer = http.predict({"examples": [{}]}, "m/labels/L", verb)
    assert (answer.status, answer.error) == (400, "Unrecognized servable version label: L")
    assert http.predict("{", "nope", verb).status == 400
