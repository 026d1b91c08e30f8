// How far each latent number changes pictures, measured here with the model itself.

import { called, row } from "/studio/inputs.js";
import { among, data } from "/studio/pictures.js";

const ROWS = 64, PATIENCE = 4000, SEEDS = 4, MOST = 256; // Rows of a call; milliseconds that nobody is asked for.
const found = new Map(); // Model, version, signature and conditions -> strengths, kept while the page is open.

// A difference of pictures in [-1, 1] as levels of 255.
export const levels = (x) => (x >= 10 ? Math.round(x) : x.toFixed(1));

// One number a unit {name, dim, low, high}: by how many levels the picture changes (root mean square over
// pixels, mean over seeds) from -1.5 to 1.5 standard deviations, or over three quarters of a range; null
// where that would take too long, unless `isPatient`.
export async function strengths(it, units, isPatient = false) {
  const { signature, state, served, files } = it;
  const key = JSON.stringify([state.model, served.version, signature.name, state.given, Object.values(files).flat().map((one) => one.url)]);
  if (found.has(key)) return found.get(key);
  const seeds = Math.max(1, Math.min(SEEDS, Math.floor(MOST / (2 * units.length))));
  const rows = [];
  for (let seed = 0; seed < seeds; seed++) {
    for (const { name, dim, low, high } of units) {
      for (const end of low === -3.5 ? [-1.5, 1.5] : [low + (high - low) / 8, high - (high - low) / 8]) {
        const made = row(signature, { seed: BigInt(seed), given: state.given }, files);
        made[name][dim] = end;
        rows.push(made);
      }
    }
  }
  const sums = units.map(() => 0), before = performance.now(), { signal } = it;
  for (let at = 0; at < rows.length; at += ROWS) {
    const outputs = await called(state.model, signature, rows.slice(at, at + ROWS)).run(signal);
    const pictures = await Promise.all(among(outputs, signature.outputs).map(data));
    for (let i = 0; i < pictures.length; i += 2) {
      sums[((at + i) / 2) % units.length] += difference(pictures[i], pictures[i + 1]) / seeds;
    }
    const expected = ((performance.now() - before) * rows.length) / (at + ROWS);
    if (!isPatient && expected > PATIENCE) return null;
  }
  found.set(key, sums);
  return sums;
}

function difference(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (i % 4 === 3 ? 0 : (a[i] - b[i]) ** 2);
  return Math.sqrt(sum / (0.75 * a.length));
}
