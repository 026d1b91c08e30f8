"""Bodies of predict over REST: order of checks, every fault, every kind of value, every answer."""

import base64
import math

import pytest

from tests.serving.saved_models import CARRIED, NOT_CARRIED

INTEGERS = [dtype for dtype in CARRIED if not dtype.startswith("float")]


def _name(dtype):
    return {"float16": "half", "float32": "float", "float64": "double"}.get(dtype, dtype)


@pytest.mark.parametrize(
    ("path", "body", "status", "text"),
    [
        ("nope", "{", 400, "JSON Parse error: Missing a name for object member. at offset: 1"),
        ("nope", "[1]", 400, "Is not object"),
        ("nope", '{"signature_name": 1}', 400, "'signature_name' key must be a string value"),
        ("nope", '{"signature_name": "S"}', 404, "Servable not found for request: Latest(nope)"),
        ("m/versions/9", "{}", 404, "Servable not found for request: Specific(m, 9)"),
        ("m/labels/L", '{"inputs": "bad"}', 400, "Unrecognized servable version label: L"),
        ("nope/labels/L", "{}", 400, "Unrecognized servable version label: L"),
        ("m", '{"signature_name": "S"}', 400, 'Serving signature name: "S" not found in signature'),
        (
            "m",
            '{"signature_name": "no_inputs", "inputs": 1, "instances": 2}',
            400,
            "Failed to get ",
        ),
        (
            "m",
            '{"instances": [1], "inputs": 1}',
            400,
            "Not formatted correctly expecting only one of",
        ),
    ],
)
def test_which_error_wins(http, path, body, status, text):
    answer = http.predict(body, path)
    assert answer.status == status
    assert text in answer.error


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "JSON Parse error: The document is empty"),
        (b" \n", "JSON Parse error: The document is empty. at offset: 2"),
        (b"nan", "JSON Parse error: Invalid value. at offset: 1"),
        (b'{"inputs": nan}', "Invalid value. at offset: 12"),
        (b'{"inputs": Nan}', "Invalid value. at offset: 13"),
        (b'{"inputs": 1.}', "Miss fraction part in number. at offset: 13"),
        (b'{"inputs": 1e}', "Miss exponent in number. at offset: 13"),
        (b'{"inputs": 1e400}', "Number too big to be stored in double. at offset: 11"),
        (b'{"inputs" 1}', "Missing a colon after a name of object member. at offset: 10"),
        (b'{"inputs": 1', "Missing a comma or } after an object member. at offset: 12"),
        (b'{"inputs": [1}', "Missing a comma or ] after an array element. at offset: 13"),
        (b'{"inputs": [1,]}', "Invalid value. at offset: 14"),
        (b'{"inputs": 1,}', "Missing a name for object member. at offset: 13"),
        (b"{'inputs': 1}", "Missing a name for object member. at offset: 1"),
        (b'{"inputs": "a}', "Missing a closing quotation mark in string. at offset: 14"),
        (b'{"inputs": "\\q"}', "Invalid escape character in string. at offset: 12"),
        (b'{"inputs": "\\u12"}', "Incorrect hex digit after \\u escape in string. at offset: 12"),
        (b'{"inputs": "\\ud800"}', "The surrogate pair in string is invalid. at offset: 12"),
        (b'{"inputs": "\\udc00"}', "The surrogate pair in string is invalid. at offset: 12"),
        (b'{"inputs": 1 /* c */}', "Missing a comma or } after an object member. at offset: 13"),
    ],
)
def test_syntax_errors(http, body, text):
    answer = http.predict(body)
    assert answer.status == 400
    assert answer.error.startswith("JSON Parse error: ")
    assert answer.error.endswith(text)


@pytest.mark.parametrize(
    ("signature", "rest", "text"),
    [
        ("", "{}", "Missing 'inputs' or 'instances' key"),
        ("", '{"instances": 1}', "Expecting 'instances' to be an list/array"),
        ("", '{"instances": []}', "No values in 'instances' array"),
        ("two", '{"instances": [1]}', "expecting list of objects"),
        ("two", '{"inputs": [1]}', "expecting an object"),
        ("", '{"instances": [{"x": [1, 2]}, [1, 2]]}', "Expecting object but got list at item 1"),
        ("", '{"instances": [[1, 2], {"x": 1}]}', "Expecting value/list but got object at item 1"),
        ("", '{"instances": [{"x": [1, 2], "q": 1}]}', "does not have named input: q"),
        ("two", '{"instances": [{"a": [1, 2]}]}', "keys must be equal to: a,b"),
        ("two", '{"inputs": {"a": [1, 2]}}', "Missing named input: b in 'inputs' object."),
        ("", '{"instances": [[1, 2], [1]]}', "Expecting tensor size: 2 but got: 1"),
        ("", '{"instances": [[1, 2], [[1, 2]]]}', "Expecting shape [2] but got: [1,2]"),
        ("", '{"inputs": [[1, 2], [1]]}', "Encountered list at unexpected size: 1 at level: 1"),
        ("", '{"inputs": [1, [2]]}', "Encountered list at unexpected level: 1 expected < 1"),
        ("", '{"inputs": [[1, 2], 3]}', "found at incorrect level: 2 in the JSON DOM"),
        (
            "",
            '{"inputs": [["a", 2]]}',
            'JSON Value: "a" Type: String is not of expected type: float',
        ),
        (
            "",
            '{"inputs": [[null, 2]]}',
            "JSON Value: null Type: Null is not of expected type: float",
        ),
        (
            "",
            '{"inputs": [[true, 2]]}',
            "JSON Value: true Type: True is not of expected type: float",
        ),
        ("int32", '{"inputs": 1.0}', "JSON Value: 1.0 Type: Number is not of expected type: int32"),
        ("bytes", '{"inputs": {"b64": "!"}}', "Unable to base64 decode"),
        ("bytes", '{"inputs": [{"b64": 1}]}', "not formatted correctly for base64 data"),
        ("bytes", '{"inputs": [{"b64": "", "a": 1}]}', "not formatted correctly for base64 data"),
        ("", '{"inputs": [{"b64": "YQ=="}]}', "Type: Object is not of expected type: float"),
        ("to_half", '{"inputs": [1]}', "Failed to write JSON value for tensor type: half"),
        ("scalar", '{"instances": [1, 2]}', "has no shape information"),
        ("uneven", '{"instances": [1, 2]}', "has inconsistent batch size"),
        ("", '{"inputs": [[1, 2, 3]]}', "Input x takes shape [?,2], but was sent [1,3]."),
    ],
)
def test_faults(http, signature, rest, text):
    body = f'{{"signature_name": "{signature}", {rest[1:]}'.replace(", }", "}")
    answer = http.predict(body)
    assert answer.status == 400
    assert text in answer.error


@pytest.mark.parametrize("key", ["inputs", "instances"])
@pytest.mark.parametrize("dtype", NOT_CARRIED)
def test_types_that_json_cannot_carry(http, dtype, key):
    answer = http.predict({"signature_name": dtype, key: [1]})
    assert answer.status == 501
    assert f"Conversion of JSON Value: 1 to type: {_name(dtype)}" in answer.error


def test_quoted_values_are_cut(http):
    answer = http.predict({"inputs": [["x" * 100_000, 1]]})
    assert len(answer.error) < 400
    answer = http.predict({"signature_name": [1] * 100_000})
    assert len(answer.error) < 400


@pytest.mark.parametrize(
    ("dtype", "value"),
    [
        ("float32", 1),
        ("float32", 2.5),
        ("float32", -0.0),
        ("float64", 1e300),
        *[(dtype, 7) for dtype in INTEGERS],
        ("int8", -128),
        ("int32", -(1 << 31)),
        ("int64", (1 << 63) - 1),
        ("int64", -(1 << 63)),
        ("uint32", (1 << 32) - 1),
        ("uint64", (1 << 64) - 1),
        ("bool", True),
        ("string", 'a\u00e9\u0000"\\\n\U0001f600'),
    ],
)
def test_values_come_back(http, dtype, value):
    assert http.run(dtype, "inputs", value) == value
    assert http.run(dtype, "inputs", [[value], [value]]) == [[value], [value]]
    assert http.run(dtype, "instances", [value, value]) == [value, value]
    assert http.run(dtype, "instances", [{"x": [value]}]) == [[value]]


@pytest.mark.parametrize(
    ("dtype", "token"),
    [
        *[(dtype, token) for dtype in INTEGERS for token in ("1.0", "1e2", "true", '"1"', "null")],
        *[(dtype, "2147483648") for dtype in ("int8", "int16", "uint8", "int32")],
        ("int64", "9223372036854775808"),
        ("uint32", "-1"),
        ("uint32", "4294967296"),
        ("uint64", "-1"),
        ("uint64", "18446744073709551616"),
        ("bool", "1"),
        ("bool", '"true"'),
        ("string", "1"),
        ("string", "null"),
        ("float32", '"1"'),
        ("float32", "false"),
        ("float64", "null"),
    ],
)
def test_values_of_another_kind(http, dtype, token):
    for body in (token, f"[{token}]"):
        answer = http.predict(f'{{"signature_name": "{dtype}", "inputs": {body}}}')
        assert answer.status == 400
        assert f"is not of expected type: {_name(dtype)}" in answer.error


def test_narrow_integers_wrap(http):
    assert http.run("uint8", "inputs", [300, -1]) == [44, 255]
    assert http.run("int8", "inputs", [128]) == [-128]


def test_floats_round_overflow_and_vanish(http):
    values = http.run("float32", "inputs", [16777217, 1e300, -1e300, 1e-300, 18446744073709551616])
    assert values == [16777216.0, math.inf, -math.inf, 0.0, 1.84467441e19]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_not_finite_both_ways(http, dtype):
    body = f'{{"signature_name": "{dtype}", "inputs": [NaN, Infinity, -Infinity, Inf, -Inf]}}'
    answer = http.predict(body)
    assert answer.body == b'{"outputs":[NaN,Infinity,-Infinity,Infinity,-Infinity]}'


def test_float_text(http):
    pairs = {
        "9000000": "9e+06",
        "999999": "999999.0",
        "0.2": "0.2",
        "0.3333333333": "0.333333343",
        "1": "1.0",
        "0.00001": "1e-05",
        "0.000123456789": "0.00012345679",
        "123456789": "123456792.0",
        "1234567890": "1.23456794e+09",
        "16777216": "16777216.0",
        "100000": "100000.0",
        "1000000": "1e+06",
        "-0.0": "-0.0",
        "1e-45": "1.4013e-45",
        "3.4028235e38": "3.40282347e+38",
    }
    body = ", ".join(pairs)
    answer = http.predict(f'{{"signature_name": "float32", "inputs": [{body}]}}')
    assert answer.body.decode() == f'{{"outputs":[{",".join(pairs.values())}]}}'
    for token, text in pairs.items():
        answer = http.predict(f'{{"signature_name": "float32", "inputs": {token}}}')
        assert answer.body.decode() == f'{{"outputs":{text}}}'


def test_double_text(http):
    answer = http.predict('{"signature_name": "float64", "inputs": [0.1, 0.3333333333333333, 5]}')
    assert answer.body == b'{"outputs":[0.1,0.33333333333333331,5.0]}'


def test_large_integers_stay_bare(http):
    answer = http.predict('{"signature_name": "uint64", "inputs": [18446744073709551615]}')
    assert answer.body == b'{"outputs":[18446744073709551615]}'


def test_bytes(http):
    data = bytes(range(256))
    b64 = {"b64": base64.b64encode(data).decode()}
    assert http.run("bytes", "inputs", b64) == b64
    assert http.run("bytes", "inputs", {"x_bytes": [b64]}) == [b64]
    assert http.run("bytes", "instances", [b64, b64]) == [b64, b64]
    assert http.run("bytes", "instances", [{"x_bytes": b64}]) == [b64]
    assert http.run("bytes", "inputs", ["plain", b64])[0] == {"b64": "cGxhaW4="}
    assert http.run("string", "inputs", {"b64": "aGk="}) == "hi"
    assert http.run("string", "inputs", {"b64": "aGk"}) == "hi"


def test_string_that_is_not_utf8_goes_out_raw(http):
    answer = http.predict({"signature_name": "string", "inputs": {"b64": "/w=="}})
    assert (answer.status, answer.body) == (200, b'{"outputs":"\xff"}')
    answer = http.predict(b'{"signature_name": "string", "inputs": "\xff"}')
    assert (answer.status, answer.body) == (200, b'{"outputs":"\xff"}')


@pytest.mark.parametrize("signature", [None, "", "serving_default"])
def test_signature_name(http, signature):
    body = {"instances": [[1, 2]], "ignored": {"a": [1]}}
    if signature is not None:
        body["signature_name"] = signature
    assert http.predict(body).json == {"predictions": [[1.0, 2.0]]}


def test_rows_of_several_inputs_and_outputs(http):
    rows = [{"a": [1, 2], "b": 3}, {"b": 5, "a": [3, 4]}]
    wanted = [{"sum": 6.0, "product": [3.0, 6.0]}, {"sum": 12.0, "product": [15.0, 20.0]}]
    assert http.run("two", "instances", rows) == wanted


def test_columns_of_several_inputs_and_outputs(http):
    columns = {"a": [[1, 2], [3, 4]], "b": [3, 5], "extra": "ignored"}
    wanted = {"sum": [6.0, 12.0], "product": [[3.0, 6.0], [15.0, 20.0]]}
    assert http.run("two", "inputs", columns) == wanted


def test_inputs_may_differ_in_rows_and_outputs_too(http):
    assert http.run("uneven", "inputs", [1]) == {"y": [1.0], "z": [1.0, 1.0]}
    assert http.run("scalar", "inputs", [1, 2]) == 3.0


@pytest.mark.parametrize("value", [[], [[], []], [[[]]]])
def test_empty_lists_are_dimensions(http, value):
    assert http.run("float32", "inputs", value) == value
    assert http.run("string", "inputs", value) == value


def test_parser_leniences(http):
    for body in (
        b'{"inputs": [[1, 2]]} trailing',
        b'{"inputs": [[1, 2]]}{"inputs": [[3, 4]]}',
        b'\xef\xbb\xbf{"inputs": [[1, 2]]}',
        b'{"inputs": [[1, 2]], "inputs": [[3, 4]]}',
        b'{"note": "a:b", "inputs": [[1, 2]]}',
        b'{"note": "\xff\xfe", "inputs": [[1, 2]]}',
        b'{"x": 1e308, "inputs": [[1, 2]]}',
    ):
        answer = http.predict(body)
        assert (answer.status, answer.json) == (200, {"outputs": [[1.0, 2.0]]}), body


def test_half_a_million_brackets(http):
    deep = b"[" * 500_000 + b"]" * 500_000
    answer = http.predict(b'{"ignored": ' + deep + b', "inputs": [[1, 2]]}')
    assert (answer.status, answer.json) == (200, {"outputs": [[1.0, 2.0]]})
    for body in (b'{"signature_name": ' + deep + b"}", b'{"inputs": ' + deep + b"}"):
        answer = http.predict(body)
        assert answer.status == 400
        assert len(answer.error) < 400


@pytest.mark.parametrize("depth", [64, 65, 254, 255, 1000, 2000])
def test_deep_tensors_are_answered(http, depth):
    answer = http.predict(
        b'{"signature_name": "float32", "inputs": ' + b"[" * depth + b"1" + b"]" * depth + b"}"
    )
    assert answer.status in (200, 400)
    assert answer.status == 200 or answer.error
