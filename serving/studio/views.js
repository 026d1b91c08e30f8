// The views of a signature: each makes a call, and shows what comes back.

import { compare } from "/studio/compare.js";
import { isDrawn, ofKind } from "/studio/inputs.js";
import { latents } from "/studio/latents.js";
import { arithmetic, interpolate } from "/studio/mix.js";
import { result } from "/studio/result.js";
import { wall } from "/studio/wall.js";

export const VIEWS = { wall, latents, interpolate, arithmetic, compare, result };
export const NAMES = {
  wall: "Samples", latents: "Latents", interpolate: "Interpolate", arithmetic: "Arithmetic", compare: "Compare", result: "Result",
};

// Those that a signature has, the first one first; `others`: whether there are other models.
export function available(signature, others) {
  const isPicture = signature.png?.outputs.includes("image_bytes") || Object.values(signature.outputs).some(
    (one) => one.shape.length === 3 && [1, 3, 4].includes(one.shape[2]));
  const latent = ofKind(signature, "latent").length > 0, asks = ofKind(signature, "picture", "pictures").length > 0;
  if (!isPicture) return ["result"];
  const drawn = isDrawn(signature) && !asks;
  const found = drawn ? ["wall"] : asks || !latent ? ["result"] : [];
  if (latent) found.push("latents");
  if (latent && drawn) found.push("interpolate", "arithmetic");
  if (others && drawn) found.push("compare");
  return found;
}
