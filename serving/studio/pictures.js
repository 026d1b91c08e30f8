// Pictures between files, canvases and the numbers in [-1, 1] that models take and give.

export const LARGEST = 8 * 2 ** 20; // Bytes of an uploaded file.
const WIDEST = 512; // Sides of a picture whose size the model leaves free.

function canvasOf(width, height) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  return canvas;
}

// (H, W, C) numbers in [-1, 1] as the address of a picture.
export function shown(rows) {
  const [height, width, channels] = [rows.length, rows[0].length, rows[0][0].length];
  const canvas = canvasOf(width, height), context = canvas.getContext("2d");
  const data = context.createImageData(width, height);
  const level = (x) => Math.round(((x ?? 0) + 1) * 127.5);
  rows.flat().forEach((pixel, i) => {
    const [r, g, b, a] = channels < 3 ? [pixel[0], pixel[0], pixel[0]] : pixel;
    data.data.set([level(r), level(g), level(b), channels === 4 ? level(a) : 255], 4 * i);
  });
  context.putImageData(data, 0, 0);
  return canvas.toDataURL();
}

// The pictures among a call's outputs, one address a row; null where there are none.
export function among(outputs, shapes) {
  if (outputs.image_bytes) return outputs.image_bytes.map((one) => `data:image/png;base64,${one.b64}`);
  const name = ["image", ...Object.keys(outputs)].find(
    (key) => shapes[key]?.shape.length === 3 && [1, 3, 4].includes(shapes[key].shape[2]) && outputs[key]);
  return name ? outputs[name].map(shown) : null;
}

// The levels of a picture at an address: red, green, blue, opacity of each pixel.
export async function data(src) {
  const image = new Image();
  image.src = src;
  await image.decode();
  const context = canvasOf(image.width, image.height).getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  return context.getImageData(0, 0, image.width, image.height).data;
}

// A file as {name, url, b64, height, width, channels, data}: cut to the middle and resized to what the model
// takes, a PNG file of its colours. Free sides become multiples of 4, which any translator can halve twice.
export async function upload(file, [height, width, channels]) {
  if (!file.type.startsWith("image/")) throw new Error(`${file.name} is no picture.`);
  if (file.size > LARGEST) {
    throw new Error(`${file.name} has ${(file.size / 2 ** 20).toFixed(1)} MB; the limit is ${LARGEST / 2 ** 20}.`);
  }
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new Error(`${file.name} cannot be read as a picture.`);
  }
  const shrink = Math.min(1, WIDEST / Math.max(bitmap.width, bitmap.height));
  const free = (side) => Math.max(4, Math.floor((side * shrink) / 4) * 4);
  const [h, w] = [height > 0 ? height : free(bitmap.height), width > 0 ? width : free(bitmap.width)];
  const scale = Math.max(w / bitmap.width, h / bitmap.height);
  const [sw, sh] = [w / scale, h / scale];
  const canvas = canvasOf(w, h), context = canvas.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, (bitmap.width - sw) / 2, (bitmap.height - sh) / 2, sw, sh, 0, 0, w, h);
  const image = context.getImageData(0, 0, w, h), { data } = image;
  for (let at = 0; at < data.length; at += 4) {
    const grey = 0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2];
    if (channels === 1) data.fill(Math.round(grey), at, at + 3);
    if (channels !== 4) data[at + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  const url = canvas.toDataURL("image/png");
  return { name: file.name, url, b64: url.slice(url.indexOf(",") + 1), height: h, width: w, channels, data };
}

// An uploaded picture as (H, W, C) numbers in [-1, 1].
export function numbers({ height, width, channels, data }) {
  const pixel = (at) => Array.from(data.subarray(at, at + channels), (level) => level / 127.5 - 1);
  const line = (y) => Array.from({ length: width }, (_, x) => pixel(4 * (y * width + x)));
  return Array.from({ length: height }, (_, y) => line(y));
}
