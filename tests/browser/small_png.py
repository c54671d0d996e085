"""Pictures for the docs that stay small: a PNG of at most 256 colours.

A page has a few colours, and the shades at the edges of its letters, of which nobody misses the
rarest. The browser that took the picture reads it again and finds the colours.
"""

import struct
import zlib
from base64 import b64decode, b64encode
from typing import Any, Final

from playwright.sync_api import Page

_COLOURS: Final = 256
_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_REDUCE: Final = """async ([png, most]) => {
  const bytes = Uint8Array.from(atob(png), (letter) => letter.charCodeAt(0));
  const image = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
  const canvas = new OffscreenCanvas(image.width, image.height).getContext("2d");
  canvas.drawImage(image, 0, 0);
  const { data } = canvas.getImageData(0, 0, image.width, image.height);
  const pixels = new Uint32Array(image.width * image.height);
  const counts = new Map();
  for (let at = 0; at < pixels.length; at += 1) {
    const colour = (data[4 * at] << 16) | (data[4 * at + 1] << 8) | data[4 * at + 2];
    pixels[at] = colour;
    counts.set(colour, (counts.get(colour) ?? 0) + 1);
  }
  const palette = [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, most)
    .map(([colour]) => colour);
  const far = (a, b) => [16, 8, 0].reduce(
    (sum, shift) => sum + (((a >> shift) & 255) - ((b >> shift) & 255)) ** 2, 0);
  const nearest = new Map(palette.map((colour, index) => [colour, index]));
  for (const colour of counts.keys()) {
    if (nearest.has(colour)) continue;
    const distances = palette.map((each) => far(each, colour));
    nearest.set(colour, distances.indexOf(Math.min(...distances)));
  }
  let indices = "";
  for (const colour of pixels) indices += String.fromCharCode(nearest.get(colour));
  return { width: image.width, height: image.height, palette, indices: btoa(indices) };
}"""


def small(page: Page, png: bytes) -> bytes:
    """Return the picture with its most frequent colours; ``page`` is an empty one to count on."""
    seen: dict[str, Any] = page.evaluate(_REDUCE, [b64encode(png).decode(), _COLOURS])
    width, height, indices = seen["width"], seen["height"], b64decode(seen["indices"])
    lines = b"".join(
        b"\x00" + indices[start : start + width] for start in range(0, len(indices), width)
    )
    palette = b"".join(colour.to_bytes(3, "big") for colour in seen["palette"])
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)  # 8 bits, by palette
    parts = ((b"IHDR", header), (b"PLTE", palette), (b"IDAT", zlib.compress(lines, 9)))
    return _SIGNATURE + b"".join(_chunk(*part) for part in (*parts, (b"IEND", b"")))


def _chunk(kind: bytes, content: bytes) -> bytes:
    checked = kind + content
    return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))
