// The page: its state lives in the address, every change goes through `go`.

import * as api from "/studio/api.js";
import * as views from "/studio/views.js";
import { Missing, controls, kind, seeds as parsed } from "/studio/inputs.js";
import { byId, el } from "/studio/dom.js";

const files = {}; // Uploaded pictures by input; they are not part of the address.
let state, served, abort = new AbortController(), sliding = null;

function read() {
  const found = new URLSearchParams(location.hash.slice(1));
  const part = (prefix) => Object.fromEntries([...found].filter(([key]) => key.startsWith(prefix))
    .map(([key, value]) => [key.slice(prefix.length), value]));
  const whole = (name, other) => (/^-?\d{1,20}$/.test(found.get(name) ?? "") ? found.get(name) : other);
  return {
    model: found.get("model"), signature: found.get("signature"), view: found.get("view"),
    seeds: found.get("seeds") ?? "0-15", seed: whole("seed", "0"), a: whole("a", "0"), b: whole("b", "1"),
    given: part("in."), z: part("z."),
  };
}

function written() {
  const { given, z, ...plain } = state, address = new URLSearchParams();
  for (const [key, value] of Object.entries(plain)) if (value) address.set(key, value);
  for (const [key, value] of Object.entries(given)) if (value !== "") address.set(`in.${key}`, value);
  for (const [key, value] of Object.entries(z)) address.set(`z.${key}`, value);
  return `#${address}`;
}

function failed(message) {
  byId("error").hidden = !message;
  byId("error").firstElementChild.textContent = message ?? "";
  if (message) byId("status").textContent = "";
}

const it = {
  files,
  timer: 0,
  get state() { return state; },
  get signature() { return served.found[state.signature]; },
  get views() { return views.available(this.signature); },
  get seeds() { return parsed(state.seeds); },
  go,
  show(text, body) {
    byId("curl").textContent = text;
    const isLong = text.includes("@request.json");
    byId("body").hidden = !isLong;
    URL.revokeObjectURL(byId("body").href);
    if (isLong) byId("body").href = URL.createObjectURL(new Blob([body], { type: "application/json" }));
  },
  async run(call) {
    const before = performance.now();
    byId("status").textContent = "…";
    const outputs = await call.run(abort.signal);
    byId("status").textContent = `version ${served.version}, ${Math.round(performance.now() - before)} ms`;
    return outputs;
  },
  current(view) { return sliding === view ? byId("explored") : null; },
  slide(name, value) {
    state.z[name] = value;
    history.replaceState(null, "", written());
    this.isStale = true;
    if (!this.isSliding) this.catchUp();
  },
  // One call at a time while a slider moves: the newest state, as fast as the model answers.
  async catchUp() {
    this.isSliding = true;
    while (this.isStale && state.view === "latents") {
      this.isStale = false;
      await draw("latents");
    }
    this.isSliding = false;
  },
  start(step) { this.timer = setInterval(step, 90); },
  stop() { clearInterval(this.timer); this.timer = 0; },
};

function go(changes) {
  Object.assign(state, changes);
  const address = written();
  if (address !== location.hash) history.pushState(null, "", address);
  return changes.model ? load() : render();
}

// Whether the work was done; what went wrong is shown.
async function guarded(work) {
  try {
    await work();
    failed(null);
    return true;
  } catch (error) {
    if (error.name === "AbortError") return false;
    const isKnown = error instanceof api.Refused || error instanceof Missing || !(error instanceof TypeError);
    if (error instanceof Missing) byId("view").replaceChildren(el("p", { className: "hint" }, error.message));
    else failed(isKnown ? error.message : `This page failed: ${error.message}`);
    if (!isKnown) console.error(error);
    return false;
  }
}

async function load() {
  const isLoaded = await guarded(async () => {
    const names = await api.models();
    if (!names.includes(state.model)) state.model = names[0];
    served = await api.signatures(state.model);
    for (const name of Object.keys(files)) delete files[name];
    byId("model").replaceChildren(...names.map((name) => el("option", {}, name)));
    byId("model").value = state.model;
    byId("signature").replaceChildren(...Object.keys(served.found).map((name) => el("option", {}, name)));
  });
  if (isLoaded) await render();
}

async function render() {
  const known = Object.keys(served.found);
  if (!known.includes(state.signature)) state.signature = known.includes(served.first) ? served.first : known[0];
  for (const name of Object.keys(state.given)) if (!(name in it.signature.inputs)) delete state.given[name];
  for (const [name, [{ height, width, channels }]] of Object.entries(files)) {
    const wanted = it.signature.inputs[name]?.shape.slice(-3) ?? [];
    const fits = (side, size) => !(side > 0) || side === size;
    if (![height, width, channels].every((size, axis) => fits(wanted[axis], size))) delete files[name];
  }
  const choices = it.views;
  if (!choices.includes(state.view)) state.view = choices[0];
  history.replaceState(null, "", written());
  byId("signature").value = state.signature;
  byId("views").replaceChildren(...choices.map((view) => el("button", {
    type: "button", "aria-pressed": String(view === state.view), onclick: () => go({ view }),
  }, views.NAMES[view])));
  const set = (name, value) => go({ given: { ...state.given, [name]: value } });
  const id = state.view === "wall" ? "seeds" : "seed";
  const field = el("div", {}, el("label", { htmlFor: "seeds" }, id === "seed" ? "Seed" : "Seeds"),
    el("input", { id: "seeds", value: state[id], autocomplete: "off", onchange: (event) => take(id, event.target.value) }));
  const fresh = el("button", { type: "button", onclick: () => {
    const first = Math.floor(Math.random() * 1e6);
    go(id === "seed" ? { seed: String(first), z: {} } : { seeds: `${first}-${first + 15}` });
  } }, "New seeds");
  const isDrawn = Object.entries(it.signature.inputs).some(([name, input]) => input.distribution || kind(input, name) === "seed");
  const asked = state.view === "interpolate" || !isDrawn ? [] : [field, fresh];
  byId("inputs").replaceChildren(...asked, ...controls(it.signature, state, files, set, failed));
  await draw(null);
}

function take(id, text) {
  try {
    const found = parsed(text);
    go(id === "seed" ? { seed: String(found[0]), z: {} } : { seeds: text });
  } catch (error) {
    failed(error.message);
  }
}

async function draw(mode) {
  abort.abort();
  abort = new AbortController();
  const mine = abort;
  sliding = mode;
  if (!mode) it.stop();
  byId("view").classList.add("busy");
  await guarded(async () => {
    const made = await views[state.view](it);
    if (made && mine === abort) byId("view").replaceChildren(...made);
  });
  if (mine === abort) byId("view").classList.remove("busy");
}

async function copied(button, text) {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Not allowed here: select it";
  }
  setTimeout(() => { button.textContent = button.dataset.text; }, 1500);
}

for (const id of ["copy", "share"]) byId(id).dataset.text = byId(id).textContent;
byId("copy").addEventListener("click", (event) => copied(event.target, byId("curl").textContent));
byId("share").addEventListener("click", (event) => copied(event.target, location.href));
byId("again").addEventListener("click", () => load());
byId("model").addEventListener("change", (event) => go({ model: event.target.value, signature: null, view: null, given: {}, z: {} }));
byId("signature").addEventListener("change", (event) => go({ signature: event.target.value, view: null, given: {}, z: {} }));
byId("inputs").addEventListener("submit", (event) => event.preventDefault());
addEventListener("popstate", () => { const before = state.model; state = read(); (state.model === before ? render : load)(); });
state = read();
load();
