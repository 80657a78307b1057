"""Whether a colour profile plainly says sRGB: a matrix and three curves that come within a level of it.

Most profiles of photographs do, and their pixels are left as they are. For all others `dataprep.images.profiles` asks Little CMS,
and calls three levels alike; what is computed here is the same model, on fewer colours.
"""

from struct import error, unpack_from

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

LEVELS = (0, 4, 12, 36, 92, 176, 255)  # of each channel, in all combinations
NEAR = 1.0  # levels
TABLES = (b"A2B", b"B2A", b"D2B", b"B2D")  # what would be used instead of a matrix
MANY = 64  # tags
COLORANTS, CURVES = (b"rXYZ", b"gXYZ", b"bXYZ"), (b"rTRC", b"gTRC", b"bTRC")
FROM_XYZ = (
    (3.1338561, -1.6168667, -0.4906146),
    (-0.9787684, 1.9161415, 0.0334540),
    (0.0719453, -0.2289914, 1.4052427),
)
"""From XYZ under D50 to linear sRGB: http://www.brucelindbloom.com/index.html?Eqn_RGB_XYZ_Matrix.html."""


def is_srgb(profile: bytes) -> bool:
    """Returns whether a profile is a matrix and curves that are those of sRGB; False also where that is not plain."""
    try:
        return _is_matrix_of_rgb(profile) and _is_near(*_model(profile))
    except (error, KeyError, ValueError, ZeroDivisionError, OverflowError):
        return False


def _is_matrix_of_rgb(profile: bytes) -> bool:
    kinds = profile[12:16], profile[16:20], profile[20:24], profile[36:40]
    is_whole = unpack_from(">I", profile)[0] == len(profile)
    return is_whole and kinds == (b"mntr", b"RGB ", b"XYZ ", b"acsp") and profile[8] in (2, 4)


def _model(profile: bytes) -> "tuple[list[list[float]], list[list[float]]]":
    """Returns the matrix to linear sRGB, and what each curve makes of `LEVELS`.

    Raises:
        KeyError: It lacks one of these.
        ValueError: Something else would be used, or is not understood.
    """
    (count,) = unpack_from(">I", profile, 128)
    if count > MANY:
        raise ValueError(count)
    tags = {}
    for line in range(132, 132 + 12 * count, 12):
        name, at, size = unpack_from(">4sII", profile, line)
        if name[:3] in TABLES or name in tags:
            raise ValueError(name)
        tags[name] = profile[at : at + size]
    xyz = [[value / 65536 for value in unpack_from(">iii", tags[name], 8)] for name in COLORANTS]
    matrix = [[sum(row[k] * column[k] for k in range(3)) for column in xyz] for row in FROM_XYZ]
    return matrix, [[_curve(tags[name])(level / 255) for level in LEVELS] for name in CURVES]


def _curve(data: bytes) -> "Callable[[float], float]":
    """Returns what makes linear light of a channel's value, both from 0 to 1."""
    if data[:4] == b"curv":
        (count,) = unpack_from(">I", data, 8)
        table = unpack_from(f">{count}H", data, 12)
        if count == 1:
            return lambda x: float(x ** (table[0] / 256))
        return lambda x: _interpolated(table, x)
    kind, _ = unpack_from(">HH", data, 8)
    if data[:4] != b"para" or kind != 3:
        raise ValueError(data[:12])
    g, a, b, c, d = (value / 65536 for value in unpack_from(">5i", data, 12))
    return lambda x: float((a * x + b) ** g) if x >= d else c * x


def _interpolated(table: "tuple[int, ...]", x: float) -> float:
    if len(table) < 2:
        raise ValueError(len(table))
    at = x * (len(table) - 1)
    low = min(int(at), len(table) - 2)
    return (table[low] + (table[low + 1] - table[low]) * (at - low)) / 65535


def _is_near(matrix: "list[list[float]]", curves: "list[list[float]]") -> bool:
    """Returns whether all colours of `LEVELS` come out as they are."""
    for row, r in enumerate(curves[0]):
        for column, g in enumerate(curves[1]):
            for place, b in enumerate(curves[2]):
                made = [_encoded(line[0] * r + line[1] * g + line[2] * b) for line in matrix]
                meant = LEVELS[row], LEVELS[column], LEVELS[place]
                if any(abs(255 * value - level) > NEAR for value, level in zip(made, meant)):  # noqa: B905  three
                    return False
    return True


def _encoded(linear: float) -> float:
    """Returns a channel of sRGB, from 0 to 1: IEC 61966-2-1."""
    linear = min(max(linear, 0.0), 1.0)
    return 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055
