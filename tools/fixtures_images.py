"""Images and Pillow's pixels for the tests of org.jresnet.data.

    pip install pillow==12.3.0 numpy==2.4.6 torch==2.13.0 torchvision==0.28.0
    python tools/fixtures_images.py [imageio-jpeg-3.12.0-tests.jar]

Writes src/test/resources/fixtures/images/: small drawn images, and what Pillow makes of them
(SHA-256 of the bytes of Image.open(f).convert("RGB"), or "error"):

    decode.tsv         picture, WxH or "error", hash
    info.tsv           picture, WxH, EXIF orientation, JPEG quality it was written with (libjpeg's tables)
    upright.tsv        picture, WxH, hash after ImageOps.exif_transpose
    resize.tsv         picture, operation, WxH, hash      (Pillow and torchvision)
    twelvemonkeys.tsv  the same as decode.tsv for the jar's JPEGs below 1 MB, if a jar is given;
                       the images themselves are not copied
"""

import hashlib
import io
import struct
import sys
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps

try:
    from torchvision import transforms
except RuntimeError:  # a CPU torch with a CUDA torchvision: its operators are missing, transforms need none
    for op in ("nms", "qnms"):
        torch.library.define(f"torchvision::{op}", "(Tensor dets, Tensor scores, float threshold) -> Tensor")
    for module in [m for m in sys.modules if m.split(".")[0] == "torchvision"]:
        del sys.modules[module]
    from torchvision import transforms

OUT = Path(__file__).resolve().parent.parent / "src/test/resources/fixtures/images"
PILLOW = "12.3.0"
TINY = ((1, 1), (1, 9), (2, 3), (3, 2), (17, 1), (5, 33))


def drawn(width, height, channels, seed=0):
    """Smooth waves, a hard edge and noise: something for every part of a codec."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    planes = []
    for c in range(channels):
        p = 128 + 90 * np.sin(x / (7 + 3 * c) + c) * np.cos(y / (9 - 2 * c % 7))
        p = np.where((x - width / 2) ** 2 + (y - height / 2) ** 2 < (min(width, height) / 4) ** 2, 255 - p * (c + 1) / 3, p)
        planes.append(p + rng.normal(0, 6, p.shape))
    return np.clip(np.stack(planes, -1), 0, 255).astype(np.uint8)


def image(width, height, mode="RGB", seed=0):
    channels = len(Image.new(mode, (1, 1)).getbands())
    a = drawn(width, height, channels, seed)
    return Image.fromarray(a[..., 0] if channels == 1 else a, mode=None if channels in (1, 3) else mode)


def save(name, picture, **options):
    picture.save(OUT / name, **options)


def cut(name, source, count):
    """The first count bytes of an image, or all but -count."""
    (OUT / name).write_bytes((OUT / source).read_bytes()[:count])


# ------------------------------------------------------------------------------------- JPEG


def exif(orientation):
    e = Image.Exif()
    e[0x0112] = orientation
    return e.tobytes()


def jpegs():
    big = image(133, 101)
    for s in ("4:4:4", "4:2:2", "4:2:0"):
        n = s.replace(":", "")
        save(f"jpeg-{n}.jpg", big, subsampling=s, quality=85)
        save(f"jpeg-{n}-progressive.jpg", big, subsampling=s, quality=60, progressive=True)
        for w, h in TINY:
            save(f"jpeg-{n}-{w}x{h}.jpg", image(w, h), subsampling=s, quality=90)
    # Pillow does not write these two; as many blocks lie in a unit, so other factors suffice (the image is
    # scrambled, which does not matter).
    for name, s, factors in (("440", "4:2:2", 0x12), ("411", "4:2:0", 0x41)):
        save(f"jpeg-{name}.jpg", image(93, 91), subsampling=s, quality=85)
        data = bytearray((OUT / f"jpeg-{name}.jpg").read_bytes())
        data[data.index(b"\xff\xc0") + 11] = factors
        (OUT / f"jpeg-{name}.jpg").write_bytes(data)
    save("jpeg-grey.jpg", image(133, 101, "L"))
    save("jpeg-grey-progressive.jpg", image(61, 40, "L"), progressive=True)
    save("jpeg-cmyk.jpg", image(97, 61, "CMYK"))
    save("jpeg-cmyk-progressive.jpg", image(40, 31, "CMYK"), progressive=True)
    save("jpeg-rgb.jpg", image(64, 48), keep_rgb=True)
    save("jpeg-q100.jpg", image(48, 48), quality=100, subsampling=0)
    save("jpeg-q3.jpg", big, quality=3)
    save("jpeg-restart.jpg", big, restart_marker_blocks=2)
    save("jpeg-optimised.jpg", big, optimize=True)
    for o in range(1, 9):
        save(f"jpeg-exif{o}.jpg", image(24, 16), exif=exif(o), quality=90)
    whole = (OUT / "jpeg-420.jpg").read_bytes()
    cut("broken-jpeg-half.jpg", "jpeg-420.jpg", len(whole) // 2)
    cut("broken-jpeg-header.jpg", "jpeg-420.jpg", 100)
    cut("broken-jpeg-3-bytes.jpg", "jpeg-420.jpg", 3)
    cut("broken-jpeg-no-eoi.jpg", "jpeg-420.jpg", -2)
    cut("broken-jpeg-last-bytes.jpg", "jpeg-420.jpg", -12)
    cut("broken-jpeg-progressive-half.jpg", "jpeg-420-progressive.jpg", 1500)
    cut("broken-jpeg-grey-half.jpg", "jpeg-grey.jpg", 2500)
    cut("broken-jpeg-cmyk-half.jpg", "jpeg-cmyk.jpg", 3000)
    cut("broken-jpeg-restart-half.jpg", "jpeg-restart.jpg", 3000)
    (OUT / "jpeg-trailing.jpg").write_bytes(whole + b"trailing bytes")
    # A run of damaged bytes in the entropy-coded part: libjpeg warns and goes on, so does Pillow.
    damaged = bytearray((OUT / "jpeg-restart.jpg").read_bytes())
    damaged[2500:2510] = bytes(10)
    (OUT / "jpeg-damaged.jpg").write_bytes(damaged)
    (OUT / "jpeg-eoi-early.jpg").write_bytes(whole[: len(whole) // 2] + b"\xff\xd9")
    bomb = bytearray((OUT / "jpeg-444-1x1.jpg").read_bytes())
    sof = bomb.index(b"\xff\xc0")
    bomb[sof + 5 : sof + 9] = struct.pack(">HH", 65000, 65000)
    (OUT / "broken-jpeg-bomb.jpg").write_bytes(bomb)


# -------------------------------------------------------------------------------------- PNG


def chunk(kind, data, crc=0):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data) ^ crc)


def packed(samples, depth):
    """Rows of samples (h, w, c) as PNG rows with filters 0 to 4 in turn."""
    h, w, c = samples.shape
    rows, before = b"", None
    bpp = max(1, c * depth // 8)
    for y in range(h):
        flat = samples[y].reshape(-1).astype(np.uint32)
        if depth == 16:
            row = flat.astype(">u2").tobytes()
        elif depth == 8:
            row = flat.astype(np.uint8).tobytes()
        else:
            bits = "".join(format(v, f"0{depth}b") for v in flat)
            bits += "0" * (-len(bits) % 8)
            row = bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))
        before = before or bytes(len(row))
        f = y % 5
        out = bytearray()
        for i, v in enumerate(row):
            a = row[i - bpp] if i >= bpp else 0
            b = before[i]
            d = before[i - bpp] if i >= bpp else 0
            p = a + b - d
            paeth = min(((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - d), 2, d)))[2]
            out.append((v - (0, a, b, (a + b) // 2, paeth)[f]) & 255)
        rows += bytes([f]) + bytes(out)
        before = row
    return rows


ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def png(samples, colour, depth, interlaced=False, extra=b"", idat=None):
    h, w, _ = samples.shape
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, depth, colour, 0, 0, int(interlaced)))
    if interlaced:
        raw = b""
        for x0, y0, dx, dy in ADAM7:
            part = samples[y0::dy, x0::dx]
            raw += packed(part, depth) if part.size else b""
    else:
        raw = packed(samples, depth)
    return b"\x89PNG\r\n\x1a\n" + head + extra + (idat or chunk(b"IDAT", zlib.compress(raw, 9))) + chunk(b"IEND", b"")


def pngs():
    rng = np.random.default_rng(7)
    kinds = {0: (1, (1, 2, 4, 8, 16)), 2: (3, (8, 16)), 3: (1, (1, 2, 4, 8)), 4: (2, (8, 16)), 6: (4, (8, 16))}
    names = {0: "grey", 2: "rgb", 3: "palette", 4: "grey-alpha", 6: "rgba"}
    for colour, (channels, depths) in kinds.items():
        for depth in depths:
            s = rng.integers(0, 1 << depth, (11, 19, channels))
            palette = b""
            if colour == 3:
                palette = chunk(b"PLTE", rng.integers(0, 256, 3 << depth, dtype=np.uint8).tobytes())
            for lace in (False, True):
                n = f"png-{names[colour]}-{depth}{'-interlaced' if lace else ''}.png"
                (OUT / n).write_bytes(png(s, colour, depth, lace, palette))
            if colour == 3:
                trns = chunk(b"tRNS", bytes([0, 128]))
                (OUT / f"png-palette-{depth}-trns.png").write_bytes(png(s, colour, depth, False, palette + trns))
    grey = rng.integers(0, 256, (11, 19, 1))
    rgb = rng.integers(0, 256, (11, 19, 3))
    rgba = rng.integers(0, 256, (11, 19, 4))
    small = rng.integers(0, 300, (11, 19, 1))
    for name, data in {
        "png-grey-8-trns": png(grey, 0, 8, extra=chunk(b"tRNS", b"\0\x11")),
        "png-grey-16-small": png(small, 0, 16),
        "png-grey-16-trns": png(small, 0, 16, extra=chunk(b"tRNS", b"\0\x11")),
        "png-rgb-8-trns": png(rgb, 2, 8, extra=chunk(b"tRNS", b"\0\x11\0\x12\0\x13")),
        "png-rgb-8-gamma": png(rgb, 2, 8, extra=chunk(b"gAMA", struct.pack(">I", 100000))),
        "png-grey-8-gamma": png(grey, 0, 8, extra=chunk(b"gAMA", struct.pack(">I", 100000))),
        "png-rgb-8-background": png(rgb, 2, 8, extra=chunk(b"bKGD", b"\0\x11\0\x12\0\x13")),
        "png-rgba-8-background": png(rgba, 6, 8, extra=chunk(b"bKGD", b"\0\x11\0\x12\0\x13")),
        "png-palette-short": png(grey % 5, 3, 8, extra=chunk(b"PLTE", bytes(range(15)))),
        "png-palette-index-outside": png(grey % 9, 3, 8, extra=chunk(b"PLTE", bytes(range(15)))),
        "png-1x1": png(rgb[:1, :1], 2, 8),
        "png-1x1-interlaced": png(rgb[:1, :1], 2, 8, True),
        "broken-png-text-crc": png(rgb, 2, 8, extra=chunk(b"tEXt", b"Comment\0x", crc=1)),
        "png-idat-crc": png(rgb, 2, 8, idat=chunk(b"IDAT", zlib.compress(packed(rgb, 8)), crc=1)),
        "png-short-data": png(rgb, 2, 8, idat=chunk(b"IDAT", zlib.compress(packed(rgb[:5], 8)))),
        "broken-png-zlib": png(rgb, 2, 8, idat=chunk(b"IDAT", b"\x78\x9c" + bytes(40))),
        "broken-png-no-idat": png(rgb, 2, 8, idat=chunk(b"tEXt", b"Comment\0x")),
        "png-much-data": png(rgb, 2, 8, idat=chunk(b"IDAT", zlib.compress(packed(rgb, 8) + bytes(99)))),
        "png-two-idat": png(
            rgb, 2, 8, idat=chunk(b"IDAT", zlib.compress(packed(rgb, 8))[:99]) + chunk(b"IDAT", zlib.compress(packed(rgb, 8))[99:])
        ),
    }.items():
        (OUT / f"{name}.png").write_bytes(data)
    save("png-rgb-icc.png", image(40, 30), icc_profile=srgb())
    save("png-rgb.png", image(67, 45))
    for h in (300, 301):  # on both sides of Pillow's limit of 100 for the order of a resize
        save(f"png-3x{h}.png", image(3, h))
    save("png-exif8.png", image(24, 16), exif=exif(8))
    whole = (OUT / "png-rgb.png").read_bytes()
    cut("broken-png-half.png", "png-rgb.png", len(whole) // 2)
    cut("broken-png-header.png", "png-rgb.png", 20)
    cut("png-no-iend.png", "png-rgb.png", -12)
    cut("broken-png-last-idat.png", "png-rgb.png", -24)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 50000, 50000, 8, 2, 0, 0, 0))
    (OUT / "broken-png-bomb.png").write_bytes(bomb + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b""))


def srgb():
    from PIL import ImageCms

    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[24:36] = bytes(12)  # the time of its making
    return bytes(profile)


# ------------------------------------------------------------------------- WebP, GIF, BMP, TIFF


def webps():
    save("webp-lossless.webp", image(41, 31), lossless=True)
    save("webp-lossless-alpha.webp", image(41, 31, "RGBA"), lossless=True, exact=True)
    save("webp-lossy.webp", image(101, 75), quality=80)
    save("webp-lossy-odd.webp", image(33, 17), quality=30)
    save("webp-lossy-alpha.webp", image(48, 40, "RGBA"), quality=80)
    Image.new("RGB", (300, 200), (10, 20, 30)).save(OUT / "webp-flat.webp", lossless=True)
    # Truncated inside, with headers that agree with what is left.
    part = (OUT / "webp-lossless.webp").read_bytes()[:1400]
    part = part[:4] + struct.pack("<I", len(part) - 8) + part[8:16] + struct.pack("<I", len(part) - 20) + part[20:]
    (OUT / "broken-webp-inside.webp").write_bytes(part)
    save("webp-1x1.webp", image(1, 1), lossless=True)
    save("webp-exif6.webp", image(24, 16), lossless=True, exif=exif(6))
    for i, (quality, (w, h)) in enumerate(((1, (16, 16)), (10, (33, 17)), (50, (34, 18)), (75, (97, 64)), (90, (64, 97)), (100, (31, 32)))):
        save(f"webp-lossy-q{quality}.webp", image(w, h, seed=i), quality=quality, method=i)
        save(f"webp-lossy-alpha-q{quality}.webp", image(w, h, "RGBA", seed=i), quality=quality, method=i)
    for w, h in TINY:
        save(f"webp-lossy-{w}x{h}.webp", image(w, h), quality=80)
    frames = [image(24, 16, "RGBA", seed=i) for i in range(2)]
    save("webp-animated-lossy.webp", frames[0], save_all=True, quality=70, append_images=frames[1:])
    save("webp-exif6-lossy.webp", image(24, 16), quality=70, exif=exif(6))
    save("webp-animated.webp", image(24, 16), save_all=True, lossless=True, append_images=[image(24, 16, seed=1)])
    # A first frame smaller than the image, at (6, 4).
    for n in ("webp-animated", "webp-animated-lossy"):
        data = bytearray((OUT / f"{n}.webp").read_bytes())
        data[24:30] = struct.pack("<I", 39)[:3] + struct.pack("<I", 29)[:3]
        at = data.index(b"ANMF") + 8
        data[at : at + 6] = struct.pack("<I", 3)[:3] + struct.pack("<I", 2)[:3]
        (OUT / f"{n}-small-frame.webp").write_bytes(data)
    for n in ("lossless", "lossy", "lossy-alpha"):
        size = (OUT / f"webp-{n}.webp").stat().st_size
        cut(f"broken-webp-{n}-half.webp", f"webp-{n}.webp", size // 2)


def gifs():
    p = image(45, 33).quantize(64)
    save("gif.gif", p, interlace=0)
    save("gif-interlaced.gif", p, interlace=1)
    save("gif-grey.gif", image(45, 33, "L"))
    save("gif-transparent.gif", p, transparency=3)
    save("gif-animated.gif", p, save_all=True, append_images=[image(45, 33, seed=1).quantize(32)])
    save("gif-two-colours.gif", image(45, 33, "L").convert("1"))
    # A first frame smaller than the screen, at (3, 2).
    whole = bytearray((OUT / "gif.gif").read_bytes())
    whole[6:10] = struct.pack("<HH", 60, 50)
    at = whole.index(b"\x2c", 13 + 3 * 64)
    whole[at + 1 : at + 5] = struct.pack("<HH", 3, 2)
    (OUT / "gif-small-frame.gif").write_bytes(whole)
    cut("broken-gif-half.gif", "gif.gif", len(whole) // 2)


def bmp(width, height, depth, data, compression=0, palette=b"", masks=b"", header=40):
    if header == 12:
        info = struct.pack("<IHHHH", 12, width, height, 1, depth)
    else:
        info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, depth, compression, len(data), 2835, 2835, len(palette) // 4, 0)
    offset = 14 + len(info) + len(masks) + len(palette)
    return struct.pack("<2sIHHI", b"BM", offset + len(data), 0, 0, offset) + info + masks + palette + data


def bmps():
    rng = np.random.default_rng(11)
    save("bmp-24.bmp", image(37, 21))
    save("bmp-8.bmp", image(37, 21).quantize(200))
    save("bmp-grey.bmp", image(37, 21, "L"))
    save("bmp-1.bmp", image(37, 21, "L").convert("1"))
    save("bmp-32.bmp", image(37, 21, "RGBA"))
    pixels = lambda n: rng.integers(0, 256, n, dtype=np.uint8).tobytes()
    palette = b"".join(pixels(3) + b"\0" for _ in range(16))
    run = b"\x05\x01\x00\x03\x02\x03\x04\x00\x02\x05\x00\x00" * 6 + b"\x00\x01"
    for name, data in {
        "bmp-4": bmp(16, 6, 4, pixels(8 * 6), palette=palette),
        "bmp-16-555": bmp(8, 6, 16, pixels(16 * 6)),
        "bmp-16-565": bmp(8, 6, 16, pixels(16 * 6), 3, masks=struct.pack("<III", 0xF800, 0x7E0, 0x1F)),
        "bmp-32-plain": bmp(8, 6, 32, pixels(32 * 6)),
        "bmp-32-fields": bmp(8, 6, 32, pixels(32 * 6), 3, masks=struct.pack("<III", 0xFF0000, 0xFF00, 0xFF)),
        "bmp-top-down": bmp(8, -6, 24, pixels(24 * 6)),
        "bmp-rle8": bmp(10, 6, 8, run, 1, palette=palette),
        "bmp-os2": bmp(8, 6, 24, pixels(24 * 6), header=12),
        "broken-bmp-short": bmp(8, 6, 24, pixels(24 * 3)),
        "broken-bmp-bomb": bmp(60000, 60000, 24, pixels(24 * 3)),
    }.items():
        (OUT / f"{name}.bmp").write_bytes(data)


def tiff(width, height, bits, photometric, data, big_endian=False, **entries):
    """An uncompressed TIFF of one strip; entries by name overrule and add."""
    order = ">" if big_endian else "<"
    tags = {
        256: [width], 257: [height], 258: list(bits), 259: [1], 262: [photometric], 273: [0], 277: [len(bits)],
        278: [height], 279: [len(data)],
    }
    tags.update({{"extra": 338, "colours": 320, "fill": 266, "planar": 284, "orientation": 274, "format": 339}[k]: v for k, v in entries.items()})
    places, tail = "", b""
    start = 8 + 2 + 12 * len(tags) + 4
    directory = b""
    after = start + sum(2 * len(v) for v in tags.values() if len(v) > 2)
    planes = len(bits) if tags.get(284) == [2] else 1
    tags[273] = [after + i * (len(data) // planes) for i in range(planes)]
    tags[279] = [len(data) // planes] * planes
    after += sum(2 * planes for _ in range(2)) if planes > 2 else 0
    tags[273] = [after + i * (len(data) // planes) for i in range(planes)]
    for tag in sorted(tags):
        value = struct.pack(order + "H" * len(tags[tag]), *tags[tag])
        if len(value) > 4:
            value, tail = struct.pack(order + "I", start + len(tail)), tail + value
        directory += struct.pack(order + "HHI", tag, 3, len(tags[tag])) + value.ljust(4, b"\0")
    whole = (b"MM\0*" if big_endian else b"II*\0") + struct.pack(order + "IH", 8, len(tags)) + directory + bytes(4) + tail
    assert len(whole) == after
    return whole + data


def tiffs():
    rng = np.random.default_rng(13)
    pixels = lambda n: rng.integers(0, 256, n, dtype=np.uint8).tobytes()
    grey16 = rng.integers(0, 400, 63).astype("<u2")
    for mode, name in (("1", "two"), ("L", "grey"), ("RGB", "rgb"), ("RGBA", "rgba"), ("P", "palette"), ("CMYK", "cmyk")):
        picture = image(37, 21, "L").convert("1") if mode == "1" else image(37, 21).quantize(100) if mode == "P" else image(37, 21, mode)
        for compression in (None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "group4"):
            if compression == "jpeg" and mode in "1P" or compression == "group4" and mode != "1":
                continue
            save(f"tiff-{name}-{(compression or 'none').replace('tiff_', '')}.tif", picture, compression=compression)
    save("tiff-predictor.tif", image(37, 21), compression="tiff_lzw", tiffinfo={317: 2})
    save("tiff-strips.tif", image(60, 50), compression="tiff_adobe_deflate", strip_size=2000)
    save("tiff-pages.tif", image(20, 15), save_all=True, append_images=[image(9, 9, seed=1)])
    save("tiff-big.tif", image(20, 15), big_tiff=True)
    for name, data in {
        "tiff-white-0-8": tiff(9, 7, [8], 0, pixels(63)),
        "tiff-white-0-1": tiff(9, 7, [1], 0, pixels(14)),
        "tiff-grey-2": tiff(9, 7, [2], 1, pixels(21)),
        "tiff-grey-4": tiff(9, 7, [4], 1, pixels(35)),
        "tiff-grey-16": tiff(9, 7, [16], 1, grey16.tobytes()),
        "tiff-grey-16-mm": tiff(9, 7, [16], 1, grey16.byteswap().tobytes(), True),
        "tiff-rgb-16": tiff(9, 7, [16] * 3, 2, pixels(378)),
        "tiff-rgb-16-mm": tiff(9, 7, [16] * 3, 2, pixels(378), True),
        "tiff-rgb-mm": tiff(9, 7, [8] * 3, 2, pixels(189), True),
        "tiff-rgbx": tiff(9, 7, [8] * 4, 2, pixels(252), extra=[0]),
        "tiff-rgba-premultiplied": tiff(9, 7, [8] * 4, 2, pixels(252), extra=[1]),
        "tiff-rgba-16": tiff(9, 7, [16] * 4, 2, pixels(504), extra=[2]),
        "tiff-rgba-16-premultiplied": tiff(9, 7, [16] * 4, 2, pixels(504), extra=[1]),
        "tiff-grey-alpha": tiff(9, 7, [8, 8], 1, pixels(126), extra=[2]),
        "tiff-palette-4": tiff(9, 7, [4], 3, pixels(35), colours=[int(v) for v in rng.integers(0, 65536, 48)]),
        "tiff-planes": tiff(9, 7, [8] * 3, 2, pixels(189), planar=[2]),
        "tiff-fill-order": tiff(9, 7, [8] * 3, 2, pixels(189), fill=[2]),
        "tiff-turned": tiff(9, 7, [8] * 3, 2, pixels(189), orientation=[6]),
        "other-tiff-lab": tiff(9, 7, [8] * 3, 8, pixels(189)),
        "broken-tiff-short": tiff(9, 7, [8] * 3, 2, pixels(100)),
    }.items():
        (OUT / f"{name}.tif").write_bytes(data)
    Image.fromarray(drawn(9, 7, 1)[..., 0].astype(np.float32)).save(OUT / "other-tiff-float.tif")
    save("other-tiff-zstd.tif", image(9, 7), compression="zstd")


def others():
    (OUT / "broken-empty.jpg").write_bytes(b"")
    (OUT / "broken-text.jpg").write_bytes(b"this is not an image\n" * 20)
    (OUT / "broken-one-byte.png").write_bytes(b"\x89")
    (OUT / "broken-zeros.jpg").write_bytes(bytes(500))


# ----------------------------------------------------------------------------------- goldens


def opened(data):
    with Image.open(io.BytesIO(data)) as i:
        return i.convert("RGB")


def line(name, data):
    try:
        i = opened(data)
    except Exception as e:  # Pillow raises OSError, SyntaxError, ValueError, EOFError, struct.error …
        if str(e).startswith("cannot identify image file"):
            e = "cannot identify image file"
        return f"{name}\terror\t{str(e).splitlines()[0] if str(e) else type(e).__name__}"
    return f"{name}\t{i.width}x{i.height}\t{hashlib.sha256(i.tobytes()).hexdigest()}"


def info():
    """What the header says; the pixels of these images can be decoded."""
    qualities = {"q100": 100, "q3": 3, "444": 85, "422": 85, "420": 85, "440": 85, "411": 85, "progressive": 60, "exif": 90}
    rows = []
    for f in sorted(OUT.iterdir()):
        if f.suffix == ".tsv" or f.name.startswith("broken-") or f.name == "tiff-turned.tif":
            continue
        with Image.open(f) as i:
            quality = ""
            if i.format == "JPEG":
                quality = next((q for n, q in qualities.items() if n in f.stem and "-grey" not in f.stem and "cmyk" not in f.stem), 75)
                if any(f.stem.endswith(f"-{w}x{h}") for w, h in TINY):
                    quality = 90
                elif f.stem.startswith("jpeg-4") and f.stem.endswith("-progressive"):
                    quality = 60
                elif f.stem in ("jpeg-trailing", "jpeg-eoi-early"):
                    quality = 85
            rows.append(f"{f.name}\t{i.width}x{i.height}\t{i.getexif().get(0x0112, 1)}\t{quality}")
    return rows


def upright():
    rows = []
    for name in [f"jpeg-exif{o}.jpg" for o in range(1, 9)] + ["webp-exif6.webp", "jpeg-444.jpg", "png-exif8.png"]:
        i = ImageOps.exif_transpose(Image.open(OUT / name)).convert("RGB")
        rows.append(f"{name}\t{i.width}x{i.height}\t{hashlib.sha256(i.tobytes()).hexdigest()}")
    return rows


def resizes():
    rows = []
    sources = {n: opened((OUT / n).read_bytes()) for n in ("jpeg-444.jpg", "jpeg-444-1x9.jpg", "jpeg-444-17x1.jpg", "png-rgb.png")}

    def add(name, operation, result):
        rows.append(f"{name}\t{operation}\t{result.width}x{result.height}\t{hashlib.sha256(result.tobytes()).hexdigest()}")

    for name, source in sources.items():
        w, h = source.size
        for size in ((224, 224), (1, 1), (7, 5), (w, 40), (50, h), (w, h), (1, 60), (60, 1), (w * 2, h * 3), (w + 1, max(1, h - 1)), (299, 3)):
            add(name, "bilinear", source.resize(size, Image.Resampling.BILINEAR))
            add(name, "bicubic", source.resize(size, Image.Resampling.BICUBIC))
        for size in (32, 33, 224):
            add(name, f"stretch {size}", transforms.Resize((size, size))(source))
            if min(w, h) > 1:
                crop = transforms.Compose([transforms.Resize(round(size * 256 / 224)), transforms.CenterCrop(size)])
                add(name, f"crop {size}", crop(source))
                for resize, how in ((232, "bilinear"), (256, "bicubic"), (224, "bicubic")):
                    mode = transforms.InterpolationMode(how)
                    scaled = transforms.Resize(round(size * resize / 224), interpolation=mode)(source)
                    add(name, f"crop {size} {resize}/224 {how}", transforms.CenterCrop(size)(scaled))
    for h in (300, 301):
        source = opened((OUT / f"png-3x{h}.png").read_bytes())
        for size in ((2, 50), (6, 50), (3, 50), (2, 400), (2, 299), (1, h), (32, 32)):
            add(f"png-3x{h}.png", "bilinear", source.resize(size, Image.Resampling.BILINEAR))
            add(f"png-3x{h}.png", "bicubic", source.resize(size, Image.Resampling.BICUBIC))
        add(f"png-3x{h}.png", "shorter 2", transforms.Resize(2)(source))
        add(f"png-3x{h}.png", "stretch 224", transforms.Resize((224, 224))(source))
    for size in (10, 31, 44, 45, 46, 100):
        add("png-rgb.png", f"shorter {size}", transforms.Resize(size)(sources["png-rgb.png"]))
    for size in (1, 20, 31, 44, 45):
        add("png-rgb.png", f"center {size}", transforms.CenterCrop(size)(sources["png-rgb.png"]))
    return rows


def main():
    if Image.__version__ != PILLOW:
        sys.exit(f"expected Pillow {PILLOW}, found {Image.__version__}: pip install pillow=={PILLOW}")
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    torch.manual_seed(0)
    OUT.mkdir(parents=True, exist_ok=True)
    for f in OUT.iterdir():
        if f.name != "twelvemonkeys.tsv":
            f.unlink()
    for write in (jpegs, pngs, webps, gifs, bmps, tiffs, others):
        write()
    rows = [line(f.name, f.read_bytes()) for f in sorted(OUT.iterdir()) if f.suffix != ".tsv"]
    (OUT / "decode.tsv").write_text("\n".join(rows) + "\n")
    (OUT / "info.tsv").write_text("\n".join(info()) + "\n")
    (OUT / "upright.tsv").write_text("\n".join(upright()) + "\n")
    (OUT / "resize.tsv").write_text("\n".join(resizes()) + "\n")
    if len(sys.argv) > 1:
        with zipfile.ZipFile(sys.argv[1]) as jar:
            names = sorted(n for n in jar.namelist() if n.lower().endswith((".jpg", ".jpeg")))
            # The largest few would take longer than all the others together.
            names = [n for n in names if jar.getinfo(n).file_size < 1_000_000]
            (OUT / "twelvemonkeys.tsv").write_text("\n".join(line(n, jar.read(n)) for n in names) + "\n")
    for f in sorted(OUT.glob("*.tsv")):
        print(f.name, len(f.read_text().splitlines()))


if __name__ == "__main__":
    main()
