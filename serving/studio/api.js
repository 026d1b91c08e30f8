// TensorFlow Serving's REST API: what the page knows of a model, and the calls that it makes.

export class Refused extends Error {}

async function answer(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused("The server does not answer. Is `tfgen serve` still running?");
  }
  // Answers may hold NaN and Infinity, which are no JSON; a text never stands right after , [ or :.
  const text = (await response.text()).replace(/([[,:]\s*)(?:NaN|-?Infinity)(?=\s*[\],}])/g, "$1null");
  let content;
  try {
    content = JSON.parse(text);
  } catch {
    throw new Refused(`${path}: HTTP ${response.status}, and no JSON.`);
  }
  if (!response.ok) throw new Refused(content.error ?? `${path}: HTTP ${response.status}`);
  return content;
}

export async function models() {
  return (await answer("/studio/models")).models;
}

const NAMES = { DT_FLOAT: "float32", DT_INT32: "int32", DT_INT64: "int64", DT_STRING: "string" };

function tensor(entry) {
  const free = entry.tensor_shape.unknown_rank;
  const sides = entry.tensor_shape.dim.map((dim) => Number(dim.size));
  return { dtype: NAMES[entry.dtype] ?? entry.dtype, shape: free ? [] : sides.slice(1) };
}

// What is known of a model: /metadata, completed by the export's manifest.
//
//   version, kind     of the version that is served; the model's class, where an export names it
//   about, created    what the export says of data, training, figures and size
//   first             the default signature
//   found             signature -> {inputs, outputs, png, files, samples, texts}. `png` is the variant
//                     with pictures as files: its name and outputs; `files` are the inputs it takes
//                     as such; `samples` its endpoints that draw from seeds, by the other inputs that
//                     they take ("" for none); `texts` how a text becomes tokens.
export async function signatures(model) {
  const [metadata, manifest] = await Promise.all([
    answer(`/v1/models/${encodeURIComponent(model)}/metadata`),
    answer(`/studio/manifest/${encodeURIComponent(model)}`),
  ]);
  const served = metadata.metadata.signature_def.signature_def, found = {};
  const map = (entries, change) =>
    Object.fromEntries(Object.entries(entries).map(([name, entry]) => [name, change(name, entry)]));
  const endpoints = manifest.endpoints ?? {};
  const isSample = (name) => /^sample(_|$)/.test(name) && "seed" in (endpoints[name]?.inputs ?? {})
    && endpoints[name].signature !== name;
  const hidden = ["__saved_model_init_op", ...(Object.keys(manifest).length ? ["serving_default"] : [])];
  for (const [name, entry] of Object.entries(served)) {
    if (hidden.includes(name) || isSample(name) || (name.endsWith("_png") && served[name.slice(0, -4)])) continue;
    const told = endpoints[name]?.inputs ?? {}, variant = served[`${name}_png`];
    const inputs = map(entry.inputs, (key, one) => ({ distribution: null, ...tensor(one), ...told[key] }));
    const ordered = [...Object.keys(told).filter((key) => key in inputs),
      ...Object.keys(inputs).filter((key) => !(key in told))];
    found[name] = {
      name,
      isOurs: name in endpoints,
      inputs: Object.fromEntries(ordered.map((key) => [key, inputs[key]])),
      outputs: map(entry.outputs, (_, one) => tensor(one)),
      png: variant ? { name: `${name}_png`, outputs: Object.keys(variant.outputs) } : null,
      files: Object.keys(inputs).filter((key) => variant && `${key}_bytes` in variant.inputs),
      samples: {},
      texts: manifest.signatures?.[name]?.tokenizer ?? null,
    };
  }
  for (const name of Object.keys(served)) {
    const of = found[endpoints[name]?.signature];
    if (!of || !name.endsWith("_png") || !isSample(name)) continue;
    const others = Object.keys(endpoints[name].inputs).filter((key) => key !== "seed").sort();
    of.samples[others.join()] = { name, outputs: Object.keys(served[name].outputs) };
  }
  const { about, created } = manifest;
  return { model, version: metadata.model_spec.version, kind: manifest.class, about, created, first: manifest.default, found };
}

// JSON with BigInt as an integer and float32 in as few digits as name it.
export function json(value) {
  if (typeof value === "bigint") return String(value);
  if (typeof value === "number")
    return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(8)));
  if (Array.isArray(value)) return `[${value.map(json).join(", ")}]`;
  if (value && typeof value === "object")
    return `{${Object.entries(value).map(([k, v]) => `${JSON.stringify(k)}: ${json(v)}`).join(", ")}}`;
  return JSON.stringify(value);
}

// A predict call: {url, body, run(signal) -> outputs by name}.
export function predict(model, name, inputs, outputs) {
  const url = `/v1/models/${encodeURIComponent(model)}:predict`;
  const body = json({ signature_name: name, inputs });
  return {
    url: location.origin + url,
    body,
    async run(signal) {
      const content = await answer(url, { method: "POST", body, signal });
      return outputs.length === 1 ? { [outputs[0]]: content.outputs } : content.outputs;
    },
  };
}

const LONG = 100000; // Characters of a body that is a file of its own.
export const isLong = (call) => call.body.length > LONG;

// Stands in a call for the file that is to be chosen; the command line reads it where it is run.
export const fileOf = (name) => ({ b64: `<${name}>` });

// The command line that makes the same call; `file` is its body where that is long.
export function curl(call, file = "request.json") {
  if (isLong(call)) return `curl -d @${file} ${call.url}`;
  const quoted = call.body.replaceAll("'", "'\\''").replace(/"b64": "<(\w+)>"/g, `"b64": "'$(base64 -w0 $1.png)'"`);
  return `curl -d '${quoted}' \\\n  ${call.url}`;
}

// The command line that asks what a model takes and gives.
export const asked = (model) => `curl ${location.origin}/v1/models/${encodeURIComponent(model)}/metadata`;
