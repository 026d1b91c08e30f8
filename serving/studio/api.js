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

// Signature -> {inputs, outputs, png, files, sample}: /metadata, completed by the manifest. `png` is
// the variant with pictures as files: its name and outputs; `files` are the inputs it takes as such.
export async function signatures(model) {
  const [metadata, manifest] = await Promise.all([
    answer(`/v1/models/${encodeURIComponent(model)}/metadata`),
    answer(`/studio/manifest/${encodeURIComponent(model)}`),
  ]);
  const served = metadata.metadata.signature_def.signature_def, found = {};
  const map = (entries, change) =>
    Object.fromEntries(Object.entries(entries).map(([name, entry]) => [name, change(name, entry)]));
  for (const [name, entry] of Object.entries(served)) {
    const hidden = ["__saved_model_init_op"];
    if (Object.keys(manifest).length) hidden.push("serving_default");
    if (hidden.includes(name) || (name.endsWith("_png") && served[name.slice(0, -4)])) continue;
    const told = manifest.endpoints?.[name]?.inputs ?? {}, variant = served[`${name}_png`];
    const inputs = map(entry.inputs, (key, one) => ({ distribution: null, ...tensor(one), ...told[key] }));
    const ordered = [...Object.keys(told).filter((key) => key in inputs),
      ...Object.keys(inputs).filter((key) => !(key in told))];
    found[name] = {
      name,
      inputs: Object.fromEntries(ordered.map((key) => [key, inputs[key]])),
      outputs: map(entry.outputs, (_, one) => tensor(one)),
      png: variant ? { name: `${name}_png`, outputs: Object.keys(variant.outputs) } : null,
      files: Object.keys(inputs).filter((key) => variant && `${key}_bytes` in variant.inputs),
      sample: manifest.default === name && served.sample ? "sample" : null,
    };
  }
  if (found.sample && found.sample.inputs.seed && Object.keys(found).length > 1) delete found.sample;
  return { version: metadata.model_spec.version, found, first: manifest.default };
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
export function predict(model, signature, name, inputs) {
  const url = `/v1/models/${encodeURIComponent(model)}:predict`;
  const body = json({ signature_name: name, inputs });
  const outputs = name === "sample_png" ? ["image_bytes"]
    : name === signature.png?.name ? signature.png.outputs : Object.keys(signature.outputs);
  return {
    url: location.origin + url,
    body,
    async run(signal) {
      const content = await answer(url, { method: "POST", body, signal });
      return outputs.length === 1 ? { [outputs[0]]: content.outputs } : content.outputs;
    },
  };
}

// The command line that makes the same call; `@request.json` where the body is long.
export function curl(call) {
  if (call.body.length > 100000) return `curl -d @request.json ${call.url}`;
  return `curl -d '${call.body.replaceAll("'", "'\\''")}' \\\n  ${call.url}`;
}
