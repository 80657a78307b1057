"""Made by programs: icons, signs, QR codes, clock faces, cards, masks, plots and screenshots."""

import math
from collections.abc import Iterator

import cv2
import numpy as np
import PIL.Image
from numpy.random import Generator
from numpy.typing import NDArray
from pictures import Picture, blob, bytes_of, clouds, fill, font, hue, lines_of, png, reduced, words
from PIL import ImageDraw
from symbols import ICON, SYMBOLS, symbol

BADGES = ("", "plus", "minus", "cross", "check")


def icons(generator: Generator) -> Iterator[Picture]:
    """Yields black icons on transparency, filled and outlined, plain and with a badge: 64 pixels, RGBA."""
    order = [(name, outlined, badge) for badge in BADGES for outlined in (False, True) for name in SYMBOLS]
    for name, outlined, badge in order:
        cover = symbol(name, outlined)
        if badge:
            cover = cv2.resize(cover, (ICON * 4 // 5, ICON * 4 // 5), interpolation=cv2.INTER_AREA)
            cover = np.pad(cover, (0, ICON - len(cover)))
            small = cv2.resize(symbol(badge), (ICON * 2 // 5, ICON * 2 // 5), interpolation=cv2.INTER_AREA)
            cover[-len(small) :, -len(small) :] = small
        alpha = cv2.resize(cover, (64, 64), interpolation=cv2.INTER_AREA)
        yield png(np.dstack([np.zeros((64, 64, 3), np.uint8), alpha]), name)


def buttons(generator: Generator) -> Iterator[Picture]:
    """Yields coloured icons: a symbol on a rounded square of a colour or two, as programs have them, 96 pixels."""
    while True:
        for name in SYMBOLS:
            first, turn = generator.random(), generator.normal(0, 0.08)
            top, bottom = hue(first, generator.uniform(0.4, 0.9), 0.95), hue(first + turn, 0.9, generator.uniform(0.5, 0.9))
            ramp = np.linspace(0, 1, 96)[:, None, None]
            square = np.broadcast_to(np.array(top) * (1 - ramp) + np.array(bottom) * ramp, (96, 96, 3))
            cover = np.zeros((96, 96), np.float32)
            cover[20:76, 20:76] = cv2.resize(symbol(name, generator.random() < 0.3), (56, 56), interpolation=cv2.INTER_AREA) / 255
            frame = PIL.Image.new("L", (384, 384))
            ImageDraw.Draw(frame).rounded_rectangle((8, 8, 375, 375), generator.integers(40, 180), fill=255)
            face = bytes_of(square * (1 - cover[..., None]) + 255 * cover[..., None])
            yield png(np.dstack([face, reduced(np.asarray(frame))]), name)


RIMS = ("ring", "triangle", "blue disc", "diamond", "octagon", "square")
NUMERALS = ("20", "30", "40", "50", "60", "70", "80", "90", "100", "120")
ON_SIGNS = (
    "person",
    "people",
    "bolt",
    "drop",
    "cart",
    "flag",
    "house",
    "camera",
    "bell",
    "heart",
    *(f"arrow {turn}" for turn in range(0, 360, 45)),
)


def _rim(kind: str, side: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8], tuple[int, int, int]]:
    """Returns a sign without its symbol, its cover, and the colour that the symbol has."""
    drawn, cover = PIL.Image.new("RGB", (side, side)), PIL.Image.new("L", (side, side))
    corners = {"triangle": (3, -90), "diamond": (4, -90), "octagon": (8, -67.5)}.get(kind, (64, 0))
    outer, inner, ink = {
        "ring": ((200, 20, 30), (250, 250, 250), (15, 15, 15)), "triangle": ((200, 20, 30), (250, 250, 250), (15, 15, 15)),
        "blue disc": ((250, 250, 250), (10, 80, 180), (250, 250, 250)), "diamond": ((20, 20, 20), (250, 200, 20), (15, 15, 15)),
        "octagon": ((250, 250, 250), (200, 20, 30), (250, 250, 250)), "square": ((250, 250, 250), (0, 110, 70), (250, 250, 250)),
    }[kind]  # fmt: skip
    for pen, reach, color in ((cover, 0.49, 255), (drawn, 0.49, outer), (drawn, 0.40 if corners[0] > 3 else 0.36, inner)):
        if kind == "square":
            ImageDraw.Draw(pen).rounded_rectangle(
                [side * (0.5 - reach), side * (0.5 - reach), side * (0.5 + reach), side * (0.5 + reach)], side // 12, fill=color
            )
            continue
        low = 0.58 if corners[0] == 3 else 0.5
        turns = [math.radians(corners[1] + 360 * k / corners[0]) for k in range(corners[0])]
        ImageDraw.Draw(pen).polygon(
            [(side * (0.5 + reach * math.cos(t)), side * (low + reach * math.sin(t))) for t in turns], fill=color
        )
    return np.asarray(drawn), np.asarray(cover), ink


def sign(kind: str, text: str, side: int = 256) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Returns (side, side, 3) a road sign with a numeral or symbol, and its cover."""
    face, cover, ink = _rim(kind, side)
    mark = PIL.Image.new("L", (side, side))
    across = side * (0.34 if kind == "triangle" else 0.46)
    if text in SYMBOLS:
        small = PIL.Image.fromarray(symbol(text)).resize((round(across), round(across)), PIL.Image.Resampling.BOX)
        mark.paste(small, (round((side - across) / 2), round(side * (0.58 if kind == "triangle" else 0.5) - across / 2)))
    else:
        size = round(across * (0.85 if len(text) < 3 else 0.65))
        middle = (side / 2, side * (0.6 if kind == "triangle" else 0.5))
        ImageDraw.Draw(mark).text(middle, text, fill=255, font=font(size), anchor="mm", stroke_width=3)
    share = np.asarray(mark)[..., None] / 255
    return bytes_of(face * (1 - share) + np.array(ink) * share), cover


def catalogue(generator: Generator) -> Iterator[Picture]:
    """Yields the road signs of a catalogue: one shape, another symbol; one symbol, another shape; on white, 128 pixels."""
    for kind in RIMS:
        for text in (*NUMERALS, *ON_SIGNS):
            face, cover = sign(kind, text)
            share = cover[..., None] / 255
            yield png(reduced(bytes_of(face * share + 255 * (1 - share)), 2), f"{kind} {text}")


def road_signs(generator: Generator) -> Iterator[Picture]:
    """Yields road signs as a car's camera cuts them out: another place, light, distance and angle each time, 48 pixels."""
    while True:
        kind = str(generator.choice(RIMS))
        text = str(generator.choice((*NUMERALS, *ON_SIGNS)))
        face, cover = sign(kind, text, 192)
        side, margin = 192, generator.uniform(8, 26)
        corners = np.array([(margin, margin), (side - margin, margin), (side - margin, side - margin), (margin, side - margin)])
        target = (corners + generator.normal(0, 6, (4, 2))).astype(np.float32)
        matrix = cv2.getPerspectiveTransform(np.array([(0, 0), (side, 0), (side, side), (0, side)], np.float32), target)
        share = cv2.warpPerspective(cover, matrix, (side, side))[..., None] / 255
        place = np.array(hue(generator.random(), generator.uniform(0, 0.5), generator.uniform(0.2, 0.9)))
        behind = place * (1 + 0.4 * clouds(generator, side, side, (3, 6, 12, 24, 48)))[..., None]
        seen = cv2.warpPerspective(face, matrix, (side, side)) * share + behind * (1 - share)
        seen = cv2.resize(seen, (48, 48), interpolation=cv2.INTER_AREA) * generator.uniform(0.35, 1.05) + generator.uniform(0, 25)
        yield png(bytes_of(seen + generator.normal(0, 3, seen.shape)), f"{kind} {text}")


def qr_codes(generator: Generator) -> Iterator[Picture]:
    """Yields QR codes of other texts, 8 pixels a module."""
    encoder = cv2.QRCodeEncoder.create()
    while True:
        name = words(generator, int(generator.integers(1, 4))).replace(" ", "-")
        code = encoder.encode(f"https://example.org/{name}/{generator.integers(10**6)}")
        yield png(np.kron(np.pad(code, 3, constant_values=255), np.ones((8, 8), np.uint8)))


def clocks(generator: Generator) -> Iterator[Picture]:
    """Yields clock faces: six dials taking turns, times at least five minutes apart; 160 pixels, labelled by the hour."""
    dials = [(hue(generator.random(), 0.5, 0.7), bool(number % 2), int(generator.choice([4, 12, 60]))) for number in range(6)]
    while True:
        orders = [generator.permutation(144) * 5 for _ in dials]
        for minutes in zip(*orders, strict=True):
            for dial, minute in zip(dials, minutes, strict=True):
                yield png(_clock(dial, int(minute)), f"{minute // 60}")


def _clock(dial: tuple[tuple[int, int, int], bool, int], minute: int) -> NDArray[np.uint8]:
    color, has_numerals, marks = dial
    drawn = PIL.Image.new("RGB", (640, 640), "white")
    pen = ImageDraw.Draw(drawn)
    pen.ellipse((24, 24, 616, 616), fill=(248, 248, 244), outline=color, width=28)
    for mark in range(marks):
        turn = 2 * math.pi * mark / marks
        ends = [(320 + r * math.sin(turn), 320 - r * math.cos(turn)) for r in (272, 248)]
        pen.line(ends, fill="black", width=10 if mark * 12 % marks == 0 else 4)
    for hour in range(1, 13) if has_numerals else ():
        place = (320 + 212 * math.sin(hour * math.pi / 6), 320 - 212 * math.cos(hour * math.pi / 6))
        pen.text(place, str(hour), fill="black", font=font(52), anchor="mm")
    for turn, reach, width in ((minute / 720, 140, 18), (minute / 60, 220, 10)):
        angle = 2 * math.pi * turn
        pen.line((320, 320, 320 + reach * math.sin(angle), 320 - reach * math.cos(angle)), fill="black", width=width)
    return reduced(np.asarray(drawn))


def cards(generator: Generator) -> Iterator[Picture]:
    """Yields one card in pairs of colours that are equally light: what differs is the hue alone; 128 pixels."""
    weights = np.array([0.299, 0.587, 0.114])
    pairs = [(ink, ground) for ink in range(12) for ground in range(12) if ink != ground]
    for place in generator.permutation(len(pairs)):
        colors = []
        for turn, light in zip(pairs[place], (95, 165), strict=True):
            color = np.array(hue(turn / 12, 0.55, 1), np.float64)
            colors.append(tuple((color * light / (color @ weights)).clip(0, 255).astype(int).tolist()))
        drawn = PIL.Image.new("RGB", (512, 512), colors[1])
        pen = ImageDraw.Draw(drawn)
        pen.rounded_rectangle((40, 40, 472, 472), 60, outline=colors[0], width=24)
        pen.polygon([(256, 100), (400, 256), (256, 412), (112, 256)], fill=colors[0])
        yield png(reduced(np.asarray(drawn)), "{} on {}".format(*pairs[place]))


def masks(generator: Generator) -> Iterator[Picture]:
    """Yields masks of one to three things, white on black, 128 pixels."""
    while True:
        canvas = np.zeros((512, 512), np.uint8)
        for _ in range(generator.choice([1, 1, 2, 3])):
            x, y, radius = *generator.uniform(130, 380, 2), generator.uniform(40, 150)
            fill(
                canvas,
                (blob(generator, 0, 0, 1, 0.3) * np.array([1, generator.uniform(0.4, 1.6)])) * radius + np.array([x, y]),
                255,
            )
        yield png(((reduced(canvas) > 127) * 255).astype(np.uint8))


def class_masks(generator: Generator) -> Iterator[Picture]:
    """Yields masks whose gray levels are the numbers of classes, 0 to 20, as segmentation sets have them: 160 by 120 pixels."""
    while True:
        canvas = np.zeros((120, 160), np.uint8)
        first = int(generator.integers(1, 21))
        for number in range(generator.integers(1, 5)):
            x, y, radius = generator.uniform(20, 140), generator.uniform(20, 100), generator.uniform(12, 45)
            outline = np.round(blob(generator, x, y, radius, 0.3)).astype(np.int32)
            cv2.fillPoly(canvas, [outline], first if number == 0 else int(generator.integers(1, 21)))
        yield png(canvas, str(first))


def plots(generator: Generator) -> Iterator[Picture]:
    """Yields plots of lines, bars and points with axes, ticks and a title: 320 by 240 pixels."""
    while True:
        for kind in ("line", "bar", "scatter"):
            yield png(_plot(generator, kind), kind)


def _plot(generator: Generator, kind: str) -> PIL.Image.Image:
    drawn = PIL.Image.new("RGB", (320, 240), "white")
    pen = ImageDraw.Draw(drawn)
    pen.text((180, 12), words(generator, 2), fill="black", font=font(12), anchor="mm")
    for tick in range(6):
        pen.text((34, 210 - tick * 36), f"{tick * int(generator.integers(1, 30))}", fill="black", font=font(9), anchor="rm")
        pen.line((37, 210 - tick * 36, 40, 210 - tick * 36), fill="black")
        pen.text((45 + tick * 52, 220), str(tick * 2), fill="black", font=font(9), anchor="mm")
    color = hue(generator.choice([0.58, 0.08, 0.33, 0.0]), 0.8, 0.75)
    if kind == "bar":
        heights = generator.uniform(10, 175, generator.integers(4, 12))
        wide = 260 / len(heights)
        for number, height in enumerate(heights):
            pen.rectangle((45 + number * wide, 210 - height, 45 + (number + 0.7) * wide, 210), fill=color)
    elif kind == "line":
        for number in range(generator.integers(1, 4)):
            walk = np.cumsum(generator.normal(generator.normal(0, 0.4), 1, 60))
            y = 205 - (walk - walk.min()) / np.ptp(walk) * generator.uniform(60, 175)
            pen.line(
                list(zip(np.linspace(42, 305, 60).tolist(), y.tolist(), strict=True)),
                fill=hue(0.58 + 0.17 * number, 0.8, 0.75),
                width=2,
            )
    else:
        x = generator.uniform(45, 305, generator.integers(20, 120))
        y = 120 - (x - 175) * generator.uniform(-0.6, 0.6) + generator.normal(0, generator.uniform(5, 40), len(x))
        for point in zip(x.tolist(), y.clip(35, 205).tolist(), strict=True):
            pen.ellipse((point[0] - 2, point[1] - 2, point[0] + 2, point[1] + 2), fill=color)
    pen.rectangle((40, 25, 310, 210), outline="black")
    return drawn


def screenshots(generator: Generator) -> Iterator[Picture]:
    """Yields screenshots of one program with other contents, in three of its views: 480 by 320 pixels."""
    while True:
        for view in ("list", "text", "table"):
            yield png(_screenshot(generator, view), view)


def _screenshot(generator: Generator, view: str) -> PIL.Image.Image:
    drawn = PIL.Image.new("RGB", (480, 320), (250, 250, 252))
    pen = ImageDraw.Draw(drawn)
    pen.rectangle((0, 0, 480, 22), fill=(60, 66, 82))
    pen.text((240, 11), f"{words(generator, 2)} - Desk", fill="white", font=font(11), anchor="mm")
    pen.rectangle((0, 22, 110, 320), fill=(232, 234, 240))
    for number, entry in enumerate(("Inbox", "Drafts", "Sent", "Archive", "Reports", "Shared", "Settings")):
        pen.text((12, 32 + number * 22), entry, fill=(50, 50, 60), font=font(11))
    if view == "list":
        for y in range(30, 310, 28):
            pen.text((120, y), words(generator, 2).title(), fill="black", font=font(11))
            pen.text((120, y + 13), words(generator, 7)[:58], fill=(110, 110, 120), font=font(10))
            pen.line((112, y + 26, 480, y + 26), fill=(225, 225, 230))
    elif view == "text":
        y = 32
        while y < 290:
            y = lines_of(pen, generator, 124, y, 330, int(generator.integers(2, 6)), 11, (30, 30, 34)) + 9
    else:
        for number, y in enumerate(range(28, 310, 20)):
            pen.rectangle((112, y, 478, y + 20), fill=(255, 255, 255) if number % 2 else (240, 243, 250), outline=(220, 222, 230))
            for x in (118, 210, 300, 390):
                text = words(generator, 1) if x == 118 or number == 0 else f"{generator.integers(0, 99999):,}"
                pen.text((x, y + 4), text, fill=(30, 30, 34), font=font(11))
    return drawn
