// What the page shows, as an address: every view is a link.

const isWhole = (text) => /^-?\d{1,20}$/.test(text ?? "");
export const EVERY = "*"; // In place of a class: all of them, a row each.
export const SLOTS = ["a", "b", "c"];

function part(found, prefix) {
  return Object.fromEntries([...found].filter(([key]) => key.startsWith(prefix))
    .map(([key, value]) => [key.slice(prefix.length), value]));
}

function put(address, prefix, values) {
  for (const [key, value] of Object.entries(values)) if (value !== "") address.set(prefix + key, value);
}

export function read(hash) {
  const found = new URLSearchParams(hash.replace(/^#/, ""));
  const slot = (name, other) => (isWhole((found.get(name) ?? "").split("?")[0]) ? found.get(name) : other);
  return {
    model: found.get("model"), signature: found.get("signature"), view: found.get("view"),
    other: found.get("other"), seeds: found.get("seeds") ?? "0-15",
    seed: isWhole(found.get("seed")) ? found.get("seed") : "0",
    a: slot("a", "0"), b: slot("b", "1"), c: slot("c", "2"),
    given: part(found, "in."), z: part(found, "z."), names: part(found, "name."),
  };
}

export function written({ given, z, names, ...plain }) {
  const address = new URLSearchParams();
  for (const [key, value] of Object.entries(plain)) if (value) address.set(key, value);
  put(address, "in.", given);
  put(address, "z.", z);
  put(address, "name.", names);
  return `#${address}`;
}

// A picture {seed, given, z} as the text that a slot holds and a mouse carries: "7?in.label=3&z.z.0=1.5".
export function textOf({ seed, given = {}, z = {} }) {
  const address = new URLSearchParams();
  put(address, "in.", given);
  put(address, "z.", z);
  return String(seed) + (address.size ? `?${address}` : "");
}

export function pictureOf(text) {
  const at = text.indexOf("?"), seed = at < 0 ? text : text.slice(0, at);
  if (!isWhole(seed)) return null;
  const found = new URLSearchParams(at < 0 ? "" : text.slice(at + 1));
  return { seed: BigInt(seed), given: part(found, "in."), z: part(found, "z.") };
}

// The picture that the address itself names: its seed with its inputs and its moved latents.
export function chosen(state) {
  const given = Object.fromEntries(Object.entries(state.given).filter(([, value]) => value !== EVERY));
  return { seed: BigInt(state.seed), given, z: state.z };
}
