// The page: what it asks of the session, when it plays, and the link of where it is.

import { Code } from "/lab/code.js";
import { dataChooser, forms, seedField, word } from "/lab/controls.js";
import { button, byId, copied, el } from "/lab/dom.js";
import { Drawing, example } from "/lab/drawing.js";
import { Games } from "/lab/games.js";
import { SCENES } from "/lab/scenes.js";
import { Wire } from "/lab/wire.js";

const LAYERS = [["d", "D", "d"], ["best", "D*", "exact dashed"], ["arrows", "arrows"], ["grid", "grid of G"], ["data", "data", "data"], ["samples", "samples", "model"]];
const QUICKLY = 50; // Steps at a time on the way to where a link leads.
const BESIDE = ["gan", "vae", "aae"];

const layers = Object.fromEntries(LAYERS.map(([name]) => [name, true]));
const wire = new Wire((error) => { playing = false; failed(error.message, true); told(); });
const ask = (message) => wire.ask(message);
const games = new Games(byId("games"));
const code = new Code(ask);
const drawing = new Drawing(byId("drawing"), (text) => begin({ drawing: text }));
let now = null, options = [], playing = false, looping = 0, step = 0, until = 0, linked = "", opening = 0;

const wait = (time) => new Promise((done) => setTimeout(done, time));
const isOnItsWay = () => step < until;

function failed(message, isLost = false) {
  byId("error").hidden = !message;
  byId("error").firstElementChild.textContent = message ?? "";
  byId("again").hidden = !isLost;
}

async function guarded(work) {
  try {
    await work();
  } catch (error) {
    playing = false;
    looping = 0;
    failed(error.message, wire.socket?.readyState !== WebSocket.OPEN);
    if (!error.message || error instanceof TypeError) console.error(error);
    if (now) controls();
  }
  told();
}

function told(text) {
  byId("play").textContent = playing ? "Pause" : "Play";
  byId("play").setAttribute("aria-pressed", String(playing));
  byId("number").textContent = step.toLocaleString("en");
  byId("status").textContent = text ?? (isOnItsWay() && playing ? `on the way to step ${until.toLocaleString("en")}` : "");
  document.body.dataset.step = step;
  document.body.dataset.playing = playing || looping === opening;
}

function addressed(link) {
  linked = `#${link}`;
  if (location.hash !== linked) history.replaceState(null, "", linked);
}

function taken(answer) {
  now = answer.state;
  step = answer.step ?? step;
  if (answer.frame) games.take(step, answer.frame);
  now.link = answer.link;
}

// Where it stands: the address and the code, which need not follow every picture.
async function settled() {
  addressed(now.link);
  await code.show(step, now.games.length);
}

async function open(message) {
  const mine = ++opening;
  playing = false;
  told("…");
  const answer = await ask({ do: "open", ...message });
  if (mine !== opening) return;
  failed(null);
  options = answer.options;
  until = answer.until;
  games.begin(answer.density, answer.state.games);
  taken(answer);
  controls();
  games.draw(layers);
  document.title = `${answer.density.name} - tfgen lab`;
  if (isOnItsWay()) return play();
  await settled();
}

const begin = (changes) => guarded(() => open({ state: { data: now.data, drawing: now.drawing, seed: now.seed, games: now.games, ...changes } }));

function set(indices, name, value) {
  return guarded(async () => {
    // What a critic without a penalty does is another scene; the loss brings it along.
    const own = now.games[indices[0]];
    told("preparing the new step");
    taken(await ask({ do: "set", games: indices, name, value }));
    if (name === "loss" && value === "wasserstein" && own.model === "gan" && own.penalty === "none") {
      for (const [more, other] of [["penalty", "gradient_penalty"], ["penalty_weight", 0.1]]) taken(await ask({ do: "set", games: indices, name: more, value: other }));
    }
    failed(null);
    games.rename(now.games);
    controls();
    if (!playing) { games.draw(layers); await settled(); }
  });
}

function controls() {
  const focused = document.activeElement?.id;
  const page = {
    set,
    begin: (index, name, value) => begin({ games: now.games.map((game, i) => (i === index ? { ...game, [name]: value } : game)) }),
    remove: (index) => begin({ games: now.games.filter((_, i) => i !== index) }),
  };
  const chosen = (data) => begin({ data, drawing: ["line", "plane"].includes(data) ? example(data) : "" });
  const seeded = (text) => begin({ seed: Number(text) });
  byId("setting").replaceChildren(dataChooser(now.data, chosen), seedField(now.seed, seeded));
  byId("forms").replaceChildren(...forms(options, now.games, page));
  drawing.show(now.data, now.drawing);
  const more = now.games.length > 2 ? [] : ["Beside it, from the same seed: ", ...BESIDE.map((model) => button(word(model), () => begin({ games: [...now.games, model === now.games[0].model ? { ...now.games[0] } : { model }] }), { "aria-label": `Beside it: ${word(model)}` }))];
  byId("more").replaceChildren(...more);
  const players = new Set(now.games.flatMap(({ model }) => ({ gan: ["discriminator", "generator"], vae: [], aae: ["discriminator", "generator", "autoencoder"] })[model]));
  for (const one of document.querySelectorAll("[data-player]")) one.hidden = !players.has(one.dataset.player);
  if (focused) byId(focused)?.focus({ preventScroll: true });
}

async function play() {
  playing = true;
  const mine = opening;
  if (looping === mine) return told(); // Pause and Play, before the last picture was there.
  looping = mine;
  told();
  let addressedAt = performance.now();
  while (playing && mine === opening) {
    const isSlow = byId("speed").value === "slow" && !isOnItsWay();
    const steps = isOnItsWay() ? QUICKLY : isSlow ? 1 : Number(byId("speed").value);
    const answer = await ask({ do: "run", steps, stages: isSlow });
    if (mine !== opening) return;
    taken(answer);
    told();
    if (isSlow) await games.staged(layers, wait);
    else { await new Promise(requestAnimationFrame); games.draw(layers); }
    if (until && step === until) { until = 0; playing = false; }
    if (!games.areFinite) playing = false;
    if (performance.now() - addressedAt > 2000) { addressed(now.link); addressedAt = performance.now(); }
  }
  if (mine !== opening) return;
  looping = 0;
  games.rename(now.games);
  controls();
  games.draw(layers);
  await settled();
  told();
}

const once = (message) => guarded(async () => {
  if (playing) { playing = false; return; }
  taken(await ask(message));
  failed(null);
  games.draw(layers);
  await settled();
});

const actions = {
  play: () => (playing ? (playing = false, told()) : guarded(play)),
  step: () => once({ do: "run", steps: 1 }),
  reset: () => begin({}),
  alone: (player) => once({ do: "alone", player }),
};

byId("play").addEventListener("click", actions.play);
byId("step").addEventListener("click", actions.step);
byId("reset").addEventListener("click", actions.reset);
for (const one of document.querySelectorAll("[data-player]")) one.addEventListener("click", () => actions.alone(one.dataset.player));
byId("speed").value = "5";
byId("forms").addEventListener("submit", (event) => event.preventDefault());
byId("share").addEventListener("click", async (event) => {
  if (now) addressed(now.link);
  await copied(event.target, location.href);
});
byId("again").addEventListener("click", () => start(now ? now.link : location.hash));
byId("scene").append(el("option", { value: "" }, "choose…"), ...SCENES.map(([name, link]) => el("option", { value: link }, name)));
byId("scene").addEventListener("change", (event) => event.target.value && guarded(() => open({ link: event.target.value })));
byId("layers").append(...LAYERS.map(([name, label, key]) => el("label", {}, el("input", {
  type: "checkbox", checked: true, id: `layer-${name}`, onchange: (event) => { layers[name] = event.target.checked; if (now) games.draw(layers); },
}), ` ${label} `, ...(key ? [el("span", { className: `key ${key}` })] : []))));

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("input, select, textarea")) return;
  const key = event.key.toLowerCase();
  const run = { p: actions.play, s: actions.step, r: actions.reset }[key];
  const own = document.querySelector(`[data-player][aria-keyshortcuts="${CSS.escape(key)}"]:not([hidden])`);
  if (run) run();
  else if (own) own.click();
});
let resizing = 0;
addEventListener("resize", () => { clearTimeout(resizing); resizing = setTimeout(() => now && games.draw(layers) && drawing.show(now.data, now.drawing), 100); });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => setTimeout(() => now && games.draw(layers)));
addEventListener("hashchange", () => { if (location.hash !== linked) guarded(() => open({ link: location.hash })); });

const start = (link) => guarded(async () => {
  await wire.open();
  await open({ link });
});
start(location.hash);
