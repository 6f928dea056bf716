import { h } from "./dom.js";
import { short } from "./numbers.js";

/** From negative over 0 to positive: blue, white, orange; without negative numbers from black to white. */
function color(byte, signed) {
  if (!signed) {
    return [byte, byte, byte];
  }
  const t = (byte - 127.5) / 127.5;
  const fade = 1 - Math.abs(t);
  return t < 0 ? [255 * fade, 255 * (0.45 + 0.55 * fade), 255 * (0.75 + 0.25 * fade)] : [255 * (0.85 + 0.15 * fade), 255 * (0.4 + 0.6 * fade), 255 * fade];
}

/**
 * Channels of a tensor as small images in rows. A click tells the place and the channel.
 * place: { y, x, channel } as shares of height and width; what is marked.
 */
export function mapsFigure(title, map, statistics, place, choose) {
  const columns = Math.min(map.count, map.count > 16 ? 16 : 8);
  const rows = Math.ceil(map.count / columns);
  const channels = (map.count === 1 ? `channel ${map.first}` : `channels ${map.first} to ${map.first + map.count - 1}`) + ` of ${map.channels}`;
  const canvas = h("canvas", {
    width: columns * (map.width + 1),
    height: rows * (map.height + 1),
    role: "img",
    "aria-label": `${title}: ${channels}`,
    "data-tensor": map.tensor,
  });
  const side = Math.min(map.count === 1 ? 320 : 150, Math.max(map.count === 1 ? 160 : 64, map.width));
  canvas.style.width = (columns * side * (map.width + 1)) / map.width + "px";
  draw(canvas, map, columns, place);
  if (choose) {
    canvas.classList.add("choose");
    canvas.addEventListener("click", (event) => {
      const box = canvas.getBoundingClientRect();
      const inside = (share) => Math.max(0, Math.min(0.9999, share));
      const x = inside((event.clientX - box.left) / box.width) * columns;
      const y = inside((event.clientY - box.top) / box.height) * rows;
      const index = Math.floor(y) * columns + Math.floor(x);
      if (index < map.count) {
        choose({ channel: map.first + index, x: x % 1, y: y % 1 });
      }
    });
  }
  const signed = map.low < 0;
  return h(
    "figure",
    {},
    h("figcaption", {}, h("strong", {}, title), ` ${statistics.shape.slice(1).join("x")}, ${channels}`),
    canvas,
    h(
      "p",
      { class: "soft" },
      `${signed ? "blue " : "black "}${short(map.low)}, ${signed ? "white 0, orange " : "white "}${short(map.high)}` +
        (map.reduced > 1 ? `; each pixel is the mean of ${map.reduced}x${map.reduced}` : "") +
        `. All of it: mean ${short(statistics.mean)}, deviation ${short(statistics.std)}, zeros ${(100 * statistics.zeros).toFixed(1)} %, norm ${short(statistics.norm)}`,
    ),
  );
}

function draw(canvas, map, columns, place) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  const bytes = Uint8Array.from(atob(map.pixels), (c) => c.charCodeAt(0));
  let at = 0;
  for (let c = 0; c < map.count; c++) {
    const left = (c % columns) * (map.width + 1);
    const top = Math.floor(c / columns) * (map.height + 1);
    for (let y = 0; y < map.height; y++) {
      for (let x = 0; x < map.width; x++) {
        image.data.set([...color(bytes[at++], map.low < 0), 255], 4 * ((top + y) * canvas.width + left + x));
      }
    }
  }
  const chosen = (place.channel % map.channels) - map.first;
  if (chosen >= 0 && chosen < map.count) {
    const x = (chosen % columns) * (map.width + 1) + Math.min(map.width - 1, Math.floor(place.x * map.width));
    const y = Math.floor(chosen / columns) * (map.height + 1) + Math.min(map.height - 1, Math.floor(place.y * map.height));
    image.data.set([230, 0, 90, 255], 4 * (y * canvas.width + x));
  }
  context.putImageData(image, 0, 0);
}
