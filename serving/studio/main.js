// The page: its state lives in the address, every change goes through `go`.

import { figures, ofModel, ofSignature } from "/studio/about.js";
import * as api from "/studio/api.js";
import { controls } from "/studio/controls.js";
import { button, byId, el, hint } from "/studio/dom.js";
import { Missing, called, isDrawn, row, seeds as parsed } from "/studio/inputs.js";
import { among } from "/studio/pictures.js";
import { asking } from "/studio/result.js";
import { SLOTS, chosen, read, written } from "/studio/state.js";
import { NAMES, VIEWS, available } from "/studio/views.js";

const files = {}; // Uploaded pictures by input; they are not part of the address.
const others = new Map(); // What is known of the other models that were asked for.
let state, served, names = [], abort = new AbortController(), sliding = null;

function failed(message) {
  byId("error").hidden = !message;
  byId("error").firstElementChild.textContent = message ?? "";
  if (message) byId("status").textContent = "";
}

function noticed(message) {
  byId("notice").hidden = !message;
  byId("notice").textContent = message ?? "";
}

// What the views see of the page.
const it = {
  files,
  failed,
  go,
  timer: 0,
  picked: null,
  get state() { return state; },
  get served() { return served; },
  get names() { return names; },
  get signature() { return served.found[state.signature]; },
  get views() { return available(this.signature, names.length > 1); },
  get signal() { return abort.signal; },
  // The calls of a view as command lines, long bodies as files.
  show(calls) {
    const file = (i) => (calls.length > 1 ? `request-${i + 1}.json` : "request.json");
    byId("curl").textContent = calls.map((call, i) => api.curl(call, file(i))).join("\n\n");
    for (const link of byId("bodies").children) URL.revokeObjectURL(link.href);
    byId("bodies").replaceChildren(...calls.flatMap((call, i) => (!api.isLong(call) ? [] : [el("a", {
      download: file(i), href: URL.createObjectURL(new Blob([call.body], { type: "application/json" })),
    }, `Save ${file(i)}`)])));
  },
  async run(call) {
    const before = performance.now();
    byId("status").textContent = "…";
    const outputs = await call.run(abort.signal);
    byId("status").textContent = `version ${served.version}, ${Math.round(performance.now() - before)} ms`;
    return outputs;
  },
  async ran(call) {
    this.show([call]);
    const outputs = await this.run(call);
    return { outputs, urls: among(outputs, this.signature.outputs) };
  },
  async known(model) {
    if (!others.has(model)) others.set(model, await api.signatures(model));
    return others.get(model);
  },
  // For those who hear the page: one short line a view, and none for each picture.
  say(text) { byId("said").textContent = text; },
  fileName(what) { return `${state.model}-v${served.version}-${what}.png`.replace(/[^\w.-]+/g, "_"); },
  current(view) { return sliding === view ? byId("explored") : null; },
  name(key, text) {
    state.names[key] = text;
    history.replaceState(null, "", written(state));
  },
  slide(name, value) {
    state.z[name] = value;
    history.replaceState(null, "", written(state));
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
  start(step, delay) { this.timer = setInterval(step, delay); },
  stop() { clearInterval(this.timer); this.timer = 0; },
};

function go(changes) {
  const before = state.model;
  Object.assign(state, changes);
  const address = written(state);
  if (address !== location.hash) history.pushState(null, "", address);
  noticed(null);
  return state.model !== before ? load() : render();
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
    if (error instanceof Missing) {
      it.show([called(state.model, it.signature, [row(it.signature, chosen(state), files, true)])]);
      byId("view").replaceChildren(...asking(error.message));
    } else failed(isKnown ? error.message : `This page failed: ${error.message}`);
    if (!isKnown) console.error(error);
    return false;
  }
}

async function load() {
  if (!byId("curl").textContent) byId("curl").textContent = api.asked(state.model ?? "MODEL");
  const isLoaded = await guarded(async () => {
    names = await api.models();
    if (!names.length) throw new api.Refused("No model is served here.");
    if (!names.includes(state.model)) {
      if (state.model) noticed(`There is no model “${state.model}” here; this is “${names[0]}”. Served: ${names.join(", ")}.`);
      state.model = names[0];
    }
    others.clear();
    byId("curl").textContent = api.asked(state.model);
    served = await api.signatures(state.model);
    for (const name of Object.keys(files)) delete files[name];
    byId("model").replaceChildren(...names.map((name) => el("option", {}, name)));
    byId("model").value = state.model;
    byId("signature").replaceChildren(...Object.keys(served.found).map((name) => el("option", {}, name)));
    byId("about").replaceChildren(ofModel(served), ...measured(figures(served)));
    document.title = `${state.model} - tfgen studio`;
  });
  if (isLoaded) await render();
}

function measured(texts) {
  if (texts.length < 4) return texts.length ? [` Measured: ${texts.join("; ")}.`] : [];
  return [` Measured: ${texts.slice(0, 2).join("; ")}. `, el("details", {}, el("summary", {}, `All ${texts.length} figures`),
    el("ul", {}, ...texts.map((text) => el("li", {}, text))))];
}

function settle() {
  const known = Object.keys(served.found);
  if (!known.includes(state.signature)) {
    const first = known.includes(served.first) ? served.first : known[0];
    if (state.signature) noticed(`“${state.model}” has no signature “${state.signature}”; this is “${first}”.`);
    state.signature = first;
  }
  const { inputs } = it.signature;
  for (const name of Object.keys(state.given)) if (!(name in inputs)) delete state.given[name];
  for (const [name, [{ height, width, channels }]] of Object.entries(files)) {
    const wanted = inputs[name]?.shape.slice(-3) ?? [];
    const fits = (side, size) => !(side > 0) || side === size;
    if (![height, width, channels].every((size, axis) => fits(wanted[axis], size))) delete files[name];
  }
  if (!it.views.includes(state.view)) state.view = it.views[0];
  history.replaceState(null, "", written(state));
}

async function render() {
  settle();
  const focused = document.activeElement?.dataset.key ?? document.activeElement?.id;
  byId("signature").value = state.signature;
  byId("signature-about").textContent = ofSignature(it.signature);
  byId("views").replaceChildren(...it.views.map((view) => button(NAMES[view], () => go({ view }), {
    "aria-pressed": String(view === state.view), "data-key": `view-${view}`,
  })));
  const set = (name, value) => go({ given: { ...state.given, [name]: value } });
  byId("inputs").replaceChildren(...seedControls(), ...controls(it, set, failed));
  focusOn(focused);
  await draw(null);
  focusOn(focused);
}

// Where the keys were before something was drawn anew.
function focusOn(key) {
  if (!key || document.activeElement !== document.body) return;
  const found = byId(key) ?? document.querySelector(`[data-key="${CSS.escape(key)}"]`);
  found?.focus({ preventScroll: true });
}

function seedControls() {
  if (!isDrawn(it.signature)) return [];
  const id = ["latents", "result"].includes(state.view) ? "seed" : "seeds";
  const field = el("input", { id: "seeds", value: state[id], autocomplete: "off", onchange: (event) => take(id, event.target.value) });
  const fresh = button("New seeds", () => {
    const first = Math.floor(Math.random() * 1e6);
    go(id === "seed" ? { seed: String(first), z: {} } : { seeds: `${first}-${first + 15}` });
  }, { "data-key": "fresh" });
  const note = id === "seeds" && state.view !== "compare" && state.view !== "wall" ? [hint("Of the pictures to drag.")] : [];
  return [el("div", {}, el("label", { htmlFor: "seeds" }, id === "seed" ? "Seed" : "Seeds"), field, ...note), fresh];
}

function take(id, text) {
  try {
    const { found } = parsed(text);
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
    const made = await VIEWS[state.view](it);
    if (made && mine === abort) byId("view").replaceChildren(...made);
  });
  if (mine === abort) byId("view").classList.remove("busy");
}

async function copied(pressed, text) {
  try {
    await navigator.clipboard.writeText(text);
    pressed.textContent = "Copied";
  } catch {
    pressed.textContent = "Not allowed here: select it";
  }
  setTimeout(() => { pressed.textContent = pressed.dataset.text; }, 1500);
}

for (const id of ["copy", "share"]) byId(id).dataset.text = byId(id).textContent;
byId("copy").addEventListener("click", (event) => copied(event.target, byId("curl").textContent));
byId("share").addEventListener("click", (event) => copied(event.target, location.href));
byId("again").addEventListener("click", () => load());
// Slots keep their seeds alone: other inputs mean something else elsewhere.
const elsewhere = () => ({ view: null, given: {}, z: {}, ...Object.fromEntries(SLOTS.map((slot) => [slot, state[slot].split("?")[0]])) });
byId("model").addEventListener("change", (event) => go({ ...elsewhere(), model: event.target.value, signature: null, names: {} }));
byId("signature").addEventListener("change", (event) => go({ ...elsewhere(), signature: event.target.value }));
byId("inputs").addEventListener("submit", (event) => event.preventDefault());
addEventListener("popstate", () => {
  const before = state.model;
  state = read(location.hash);
  noticed(null);
  (state.model === before ? render : load)();
});
state = read(location.hash);
load();
