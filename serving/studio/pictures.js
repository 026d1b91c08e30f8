// Pictures between files, canvases and the numbers in [-1, 1] that models take and give.

export const LARGEST = 8 * 2 ** 20; // Bytes of an uploaded file.

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

// A file as {url, rows}: cut to the middle and resized to what the model takes.
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
  const [h, w] = [height > 0 ? height : bitmap.height, width > 0 ? width : bitmap.width];
  const scale = Math.max(w / bitmap.width, h / bitmap.height);
  const [sw, sh] = [w / scale, h / scale];
  const canvas = canvasOf(w, h), context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, (bitmap.width - sw) / 2, (bitmap.height - sh) / 2, sw, sh, 0, 0, w, h);
  const data = context.getImageData(0, 0, w, h).data, rows = [];
  for (let y = 0; y < h; y++) {
    rows.push([]);
    for (let x = 0; x < w; x++) {
      const at = 4 * (y * w + x), rgb = [data[at], data[at + 1], data[at + 2]];
      const gray = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2];
      const pixel = channels === 1 ? [gray] : channels === 4 ? [...rgb, data[at + 3]] : rgb;
      rows[y].push(pixel.map((level) => Math.round(level) / 127.5 - 1));
    }
  }
  return { url: shown(rows), rows };
}
