// Samples by seed: one wall, or a row for each class; pictures that can be dragged, and the way by keys.

import { button, count, el, hint } from "/studio/dom.js";
import { MOST, calledBySeeds, className, ofKind, seeds as parsed, words } from "/studio/inputs.js";
import * as save from "/studio/save.js";
import { shelf, slotPictures } from "/studio/shelf.js";
import { EVERY, SLOTS, textOf } from "/studio/state.js";

// The rows of a wall: [{title, pictures}], and what is to be said where not all of them are shown.
export function lines(signature, state) {
  const classes = ofKind(signature, "class").find(([name]) => state.given[name] === EVERY);
  const given = Object.fromEntries(Object.entries(state.given).filter(([key, value]) => value !== EVERY && key in signature.inputs));
  const rows = classes ? Array.from({ length: Math.min(classes[1].num_classes, MOST) }, (_, n) => n) : [null];
  const { found, asked } = parsed(state.seeds, Math.max(1, Math.floor(MOST / rows.length)));
  const notes = [];
  if (asked > found.length) {
    const each = classes ? ` for each of ${rows.length} classes` : "";
    notes.push(`${count(asked, "seed")} asked for; these are the first ${found.length}${each}, because a wall has at most ${MOST} pictures.`);
  }
  if (classes && classes[1].num_classes > MOST) notes.push(`The first ${MOST} of ${classes[1].num_classes} classes.`);
  const of = (n) => found.map((seed) => ({ seed, given: n === null ? given : { ...given, [classes[0]]: String(n) } }));
  return { rows: rows.map((n) => ({ title: n === null ? null : className(...classes, n), pictures: of(n) })), notes, isByClass: Boolean(classes) };
}

// Arrows in four directions, Home and End among the pictures of some walls, which are one tab stop.
export function roving(container) {
  const tiles = () => [...container.querySelectorAll("button.tile")];
  const first = tiles()[0];
  if (first) first.tabIndex = 0;
  container.addEventListener("focusin", ({ target }) => {
    if (target.matches("button.tile")) for (const one of tiles()) one.tabIndex = one === target ? 0 : -1;
  });
  container.addEventListener("keydown", (event) => {
    if (!event.target.matches("button.tile") || event.ctrlKey || event.metaKey || event.altKey) return;
    const all = tiles(), at = all.indexOf(event.target);
    const step = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key];
    const next = step === undefined ? vertical(all, event.target, { ArrowUp: -1, ArrowDown: 1 }[event.key]) : all[step];
    if (!next) return;
    event.preventDefault();
    next.focus();
  });
  return container;
}

// The nearest picture of the next line above or below, also where rows have different lengths.
function vertical(all, from, direction) {
  if (!direction) return null;
  const here = from.getBoundingClientRect(), middle = here.left + here.width / 2;
  let best = null, least = [Infinity, Infinity];
  for (const one of all) {
    const box = one.getBoundingClientRect(), down = direction * (box.top - here.top);
    if (down < here.height / 2) continue;
    const far = [Math.round(down), Math.abs(box.left + box.width / 2 - middle)];
    if (far[0] < least[0] - 2 || (far[0] < least[0] + 2 && far[1] < least[1])) [best, least] = [one, far];
  }
  return best;
}

// Pictures as buttons. `pick(picture)`: what a click does; `verb`: what that is called.
export function tiles(it, signature, pictures, urls, { pick, verb, isTitled = false, isFixed = false, height = 0 }) {
  return urls.map((src, i) => {
    const picture = pictures[i], text = textOf(picture), told = words(signature, picture, it.files);
    const said = isTitled ? told.slice(1) : told;
    const slots = isFixed ? [] : SLOTS.filter((slot) => it.state[slot] === text);
    const mark = slots.map((slot) => ` ${slot.toUpperCase()}`).join("");
    const lines = [`${picture.seed}${mark}`, ...said], blank = Math.max(0, height - told.length);
    return el("button", {
      type: "button", className: ["tile", ...slots].join(" "), tabIndex: -1, draggable: !isFixed, title: `${verb}: ${lines.join(", ")}`,
      "data-key": text, "aria-label": [`seed ${picture.seed}`, ...told, ...slots.map((slot) => slot.toUpperCase())].join(", "),
      onclick: () => pick(picture, text),
      ondragstart: (event) => {
        event.dataTransfer.setData("text/plain", text);
        event.dataTransfer.effectAllowed = "copy";
      },
      onkeydown: (event) => {
        const key = event.key.toLowerCase();
        if (event.ctrlKey || event.metaKey || event.altKey) return;
        if (!isFixed && SLOTS.includes(key) && it.views.includes("interpolate")) it.go({ [key]: text });
        if (key === "s") save.picture(src, it.fileName(`seed-${picture.seed}`));
      },
    }, el("img", { className: "picture", src, alt: "", draggable: false }),
    ...lines.map((line, n) => el("span", { className: n ? "said" : "seed" }, line)),
    ...Array.from({ length: blank }, () => el("span", { className: "said" }, "\u00a0")));
  });
}

export async function wall(it) {
  const { signature, state } = it, { rows, notes, isByClass } = lines(signature, state);
  const pictures = rows.flatMap((one) => one.pictures);
  const { urls } = await it.ran(calledBySeeds(state.model, signature, pictures, it.files));
  const canMix = it.views.includes("interpolate"), canExplore = it.views.includes("latents");
  const open = ({ seed, given }) => it.go(canExplore
    ? { view: "latents", seed: String(seed), given: { ...state.given, ...given }, z: {} } : { seed: String(seed) });
  const how = { pick: open, verb: canExplore ? "Explore" : "Sample", isTitled: isByClass };
  let at = 0;
  const walls = rows.map(({ title, pictures: own }) => {
    const made = el("div", { className: "wall" }, ...tiles(it, signature, own, urls.slice(at, at + own.length), how));
    at += own.length;
    return title === null ? made : el("div", { className: "class" }, el("h3", {}, title), made);
  });
  const grid = roving(el("div", { className: isByClass ? "classes" : "" }, ...walls));
  const keep = () => {
    const perRow = rows[0].pictures.length, lined = rows.map((_, n) => urls.slice(n * perRow, (n + 1) * perRow));
    return save.wall(lined, it.fileName(`seeds-${state.seeds.replace(/[^\d-]+/g, "_")}`), Math.ceil(Math.sqrt(urls.length)));
  };
  const { found } = parsed(state.seeds);
  it.say(`${count(urls.length, "picture")}, from seed ${found[0]}.`);
  const keys = ` Arrow keys move, Enter explores, S saves a picture${canMix ? ", A, B and C put it there" : ""}.`;
  return [
    ...notes.map((note) => el("p", { className: "note" }, note)),
    ...(canMix ? [shelf(it, SLOTS, await slotPictures(it, SLOTS, pictures, urls))] : []),
    ...(canExplore ? [hint(`Pick a picture to explore it${canMix ? ", or drag it to A, B or C" : ""}.`, el("span", { className: "keys" }, keys))] : []),
    grid,
    el("div", { className: "row end" }, button("Save the wall", keep)),
  ];
}
