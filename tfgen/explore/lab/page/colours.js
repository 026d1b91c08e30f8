// The palette of the style sheet, and the scale between samples and data.

let found = null;
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { found = null; });

export function colours() {
  if (!found) {
    const style = getComputedStyle(document.documentElement);
    const names = ["card", "ink", "soft", "line", "data", "model", "d", "exact"];
    found = Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
    found.scale = scale(found);
  }
  return found;
}

function rgb(hex) {
  const full = hex.length === 4 ? hex.replace(/[^#]/g, "$&$&") : hex;
  return [1, 3, 5].map((at) => parseInt(full.slice(at, at + 2), 16));
}

// 0 (surely a sample) to 1 (surely data), by way of the card's own colour at 1/2.
function scale({ card, data, model }) {
  const [low, middle, high] = [model, card, data].map(rgb);
  return Array.from({ length: 256 }, (_, i) => {
    const t = i / 127.5 - 1, end = t < 0 ? low : high, part = 0.85 * Math.abs(t);
    return middle.map((value, n) => value + part * (end[n] - value));
  });
}

// Values (rows from the lowest) as a small picture; null is left empty.
export function picture(values, cells, colour) {
  const image = new ImageData(cells, cells);
  for (let y = 0; y < cells; y++) {
    for (let x = 0; x < cells; x++) {
      const value = values[y * cells + x], at = 4 * ((cells - 1 - y) * cells + x);
      if (value === null) continue;
      const [r, g, b, a] = colour(value);
      image.data.set([r, g, b, a ?? 255], at);
    }
  }
  const small = new OffscreenCanvas(cells, cells);
  small.getContext("2d").putImageData(image, 0, 0);
  return small;
}

// How a D is shown: a probability as it is, a score between its extremes around its middle.
export function probable(game, numbers, d) {
  if (["minimax", "non_saturating"].includes(game.loss)) return (value) => value;
  if (game.loss === "least_squares") return (value) => Math.min(Math.max(value, 0), 1);
  const middle = 0.5 * (numbers.d_data + numbers.d_samples);
  const reach = d.reduce((most, value) => Math.max(most, Math.abs(value - middle)), 1e-9);
  return (value) => 0.5 + 0.5 * (value - middle) / reach;
}

export const shade = (t) => colours().scale[Math.round(255 * Math.min(Math.max(t, 0), 1))];
export const tint = (name) => {
  const [r, g, b] = rgb(colours()[name]);
  return (t) => [r, g, b, Math.round(215 * Math.min(t, 1))];
};
