# SPDX-License-Identifier: Apache-2.0
"""Pictures as Python programs hold them, made into what the library takes: a path, the bytes of a file, or raw pixels."""
from __future__ import annotations

import ctypes
import os
from typing import Any, Optional, Union

from . import _library
from ._library import bnc_pixels

# Format -> its number, and how many values a pixel has in one row; 0: planes of Y, U and V one below the other.
FORMATS = {"rgb8": (0, 3), "rgba8": (1, 4), "bgr8": (2, 3), "gray8": (3, 1), "nv12": (4, 0), "i420": (5, 0), "bgra8": (6, 4), "nv21": (7, 0)}
# libcamera's names, which picamera2 uses, tell the bytes of a little-endian word, so the other way round.
LIBCAMERA = {"RGB888": "bgr8", "BGR888": "rgb8", "XRGB8888": "bgra8", "XBGR8888": "rgba8", "ARGB8888": "bgra8", "ABGR8888": "rgba8",
             "YUV420": "i420", "NV12": "nv12", "NV21": "nv21"}
YUV = {"bt601": 0, "bt601_full": 1, "bt709": 2, "bt709_full": 3}
BY_CHANNELS = {1: "gray8", 3: "rgb8", 4: "rgba8"}

Image = Union[str, bytes, bytearray, "os.PathLike[Any]", Any]


class Pixels:
    """Raw pixels, 8 bits a value.

    data    anything with the buffer protocol or NumPy's array interface, dtype uint8, any strides: [height, width, 3] (RGB or BGR), [height,
            width, 4] (with alpha, which is dropped), [height, width] or [height, width, 1] (gray); for nv12, nv21 and i420 [height * 3 / 2, width]:
            the rows of Y, below them those of U and V, as OpenCV and picamera2 have them. Flat data needs `size`.
    format  "rgb8", "rgba8", "bgr8" (OpenCV), "bgra8", "gray8", "nv12", "nv21", "i420", or a name of libcamera's such as "RGB888". None: by the
            number of channels gray8, rgb8 or rgba8.
    size    (width, height) in pixels; None: as the shape says. A smaller one crops padding from the right and from below.
    yuv     what Y, U and V mean: "bt601", "bt601_full", "bt709" or "bt709_full".

    Raises TypeError for data that are no pixels of uint8, ValueError for a shape that does not fit the format.
    """

    def __init__(self, data: Any, format: Optional[str] = None, *, size: "Optional[tuple[int, int]]" = None, yuv: str = "bt601") -> None:
        keep, address, shape, strides = _memory(data)
        if yuv not in YUV:
            raise ValueError(f"yuv is {yuv!r}, expected one of {', '.join(YUV)}")
        name = LIBCAMERA.get(format or "", format) or _guess(shape)
        if name not in FORMATS:
            raise ValueError(f"format is {format!r}, expected one of {', '.join(FORMATS)}, or libcamera's {', '.join(LIBCAMERA)}")
        number, channels = FORMATS[name]
        planar = channels == 0
        if len(shape) == 1 and size is not None:
            if strides != (1,):
                keep, address = _copied(data)
            shape, strides = _shape_of_flat(shape[0], name, size)
        if planar or (channels == 1 and len(shape) == 2):
            fits = len(shape) == 2
            values = shape[1] if fits else 0
        else:
            fits = len(shape) == 3 and shape[2] == channels
            values = shape[1] * channels if fits else 0
        if not fits or (planar and (shape[0] % 3 or shape[1] % 2)):
            expected = "[height * 3 / 2, width] with an even width" if planar else f"[height, width{'' if channels == 1 else f', {channels}'}]"
            raise ValueError(f"{name} pixels have shape {list(shape)}, expected {expected}, or flat ones with their size")
        if shape[0] == 0 or values == 0:
            raise ValueError(f"pixels have shape {list(shape)}: there are none")
        height = shape[0] * 2 // 3 if planar else shape[0]
        wide, high = size or (shape[1], height)
        if not (0 < wide <= shape[1] and 0 < high <= height):
            raise ValueError(f"size is {wide} x {high}, but the pixels are {shape[1]} x {height}")
        if channels == 3 and strides[1:] == (3, -1):  # array[:, :, ::-1]: the same memory, named the other way round
            address, strides, number = address - 2, (strides[0], 3, 1), FORMATS["bgr8" if name == "rgb8" else "rgb8"][0]
        # Rows may lie apart; what lies in them may not.
        if strides[1:] != _packed(shape)[1:] or strides[0] < values:
            keep, address = _copied(data)
            strides, number = _packed(shape), FORMATS[name][0]
        self._keep = keep
        raw = bnc_pixels(size=ctypes.sizeof(bnc_pixels), format=number, width=wide, height=high, yuv=YUV[yuv])
        raw.plane[0], raw.stride[0] = address, strides[0]
        if planar:
            self._place_chroma(raw, name, height)
        self.raw = raw
        self._bytes = strides[0] * (shape[0] - 1) + values

    @staticmethod
    def _place_chroma(raw: bnc_pixels, name: str, rows: int) -> None:
        stride = int(raw.stride[0])
        raw.plane[1], raw.stride[1] = int(raw.plane[0] or 0) + stride * rows, stride
        if name == "i420":  # half as wide: two rows of U, later of V, lie in one of Y
            raw.stride[1] = raw.stride[2] = stride // 2
            raw.plane[2] = int(raw.plane[1] or 0) + stride // 2 * (rows // 2)

    def copy(self) -> "Pixels":
        """The same pixels in memory of their own: a camera may use its buffer again."""
        other = Pixels.__new__(Pixels)
        start = int(self.raw.plane[0] or 0)
        other._keep = keep = ctypes.string_at(start, self._bytes)
        other._bytes = self._bytes
        other.raw = bnc_pixels.from_buffer_copy(self.raw)
        for i in range(3):
            if self.raw.plane[i]:
                other.raw.plane[i] = _address_of(keep) + int(self.raw.plane[i]) - start
        return other


def _guess(shape: "tuple[int, ...]") -> str:
    channels = 1 if len(shape) == 2 else shape[2] if len(shape) == 3 else 0
    if channels not in BY_CHANNELS:
        raise ValueError(f"pixels have shape {list(shape)}, expected [height, width] or [height, width, 1, 3 or 4], or a format and a size")
    return BY_CHANNELS[channels]


def _packed(shape: "tuple[int, ...]") -> "tuple[int, ...]":
    strides, step = [], 1
    for side in reversed(shape):
        strides.append(step)
        step *= side
    return tuple(reversed(strides))


def _shape_of_flat(count: int, name: str, size: "tuple[int, int]") -> "tuple[tuple[int, ...], tuple[int, ...]]":
    channels = FORMATS[name][1]
    wide, high = size
    shape: "tuple[int, ...]" = (high * 3 // 2, wide) if channels == 0 else (high, wide) if channels == 1 else (high, wide, channels)
    expected = shape[0] * wide * max(channels, 1)
    if count != expected:
        raise ValueError(f"{count} bytes of {name} pixels for {wide} x {high}, expected {expected}")
    return shape, _packed(shape)


def _memory(data: Any) -> "tuple[Any, int, tuple[int, ...], tuple[int, ...]]":
    """(what keeps it alive, address, shape, strides in bytes) of 8-bit values."""
    if not hasattr(data, "__array_interface__") and hasattr(data, "__array__") and not _has_buffer(data):
        data = data.__array__()  # tensors of other libraries
    interface = getattr(data, "__array_interface__", None)
    if interface is not None and isinstance(interface.get("data"), tuple):
        if interface["typestr"] not in ("|u1", "<u1", ">u1"):
            raise TypeError(f"pixels have dtype {interface['typestr'][1:]}, expected uint8")
        shape = tuple(interface["shape"])
        return data, int(interface["data"][0]), shape, tuple(interface.get("strides") or _packed(shape))
    try:
        view = memoryview(data)
    except TypeError:
        raise TypeError(f"a picture is a {type(data).__name__}, expected a path, the bytes of a picture file, a PIL image, or an array of "
                        f"pixels") from None
    if view.format not in ("B", "b", "c"):
        raise TypeError(f"pixels have the type {view.format!r}, expected bytes")
    keep, address = _copied(data if isinstance(data, bytes) else view)
    return keep, address, tuple(view.shape or ()), _packed(tuple(view.shape or ()))


def _has_buffer(data: Any) -> bool:
    try:
        memoryview(data).release()
    except TypeError:
        return False
    return True


def _copied(data: Any) -> "tuple[bytes, int]":
    """The values in the order of the shape, whatever the strides were; bytes are taken as they are, for nobody can change them."""
    content = data if isinstance(data, bytes) else data.tobytes() if hasattr(data, "tobytes") else memoryview(data).tobytes()
    return content, _address_of(content)


def _address_of(content: bytes) -> int:
    return ctypes.cast(ctypes.c_char_p(content), ctypes.c_void_p).value or 0


class Picture:
    """One picture, ready to be added to a session; format is for arrays alone."""

    def __init__(self, image: Image, format: Optional[str] = None) -> None:
        self.path: Optional[bytes] = None
        self.file: Optional[bytes] = None
        self.pixels: Optional[Pixels] = None
        if isinstance(image, Pixels):
            self.pixels = image
        elif isinstance(image, (str, os.PathLike)):
            self.path = _library.file_name(image)
        elif _is_pil(image):
            self.pixels = _of_pil(image)
        elif hasattr(image, "make_array") and hasattr(image, "config"):  # picamera2's CompletedRequest
            stream = image.config["main"]
            self.pixels = Pixels(image.make_array("main"), format or stream["format"], size=tuple(stream["size"]))
        elif hasattr(image, "array") and not _has_buffer(image) and not hasattr(image, "__array_interface__"):  # its MappedArray
            self.pixels = Pixels(image.array, format)
        elif isinstance(image, (bytes, bytearray)) or (isinstance(image, memoryview) and image.ndim == 1):
            self.file = bytes(image)
        else:
            self.pixels = Pixels(image, format)
        if format is not None and self.pixels is None:
            raise ValueError(f"format is {format!r}, but the picture is a file, whose format is its own; raw bytes are Pixels(data, format, size=...)")

    def kept(self) -> "Picture":
        """Its pixels are copied: the caller may do with its memory what it likes."""
        if self.pixels is not None:
            self.pixels = self.pixels.copy()
        return self


def _is_pil(image: Any) -> bool:
    return any(kind.__module__ == "PIL.Image" and kind.__name__ == "Image" for kind in type(image).__mro__)


def _of_pil(image: Any) -> Pixels:
    """Upright as its EXIF says, in RGB, RGBA or gray; palettes and other modes become RGB."""
    if image.getexif().get(0x0112, 1) != 1:
        from PIL import ImageOps  # the caller has it: the image is one of its
        image = ImageOps.exif_transpose(image)
    if image.mode not in ("RGB", "RGBA", "L"):
        image = image.convert("RGB")
    return Pixels(image.tobytes(), {"RGB": "rgb8", "RGBA": "rgba8", "L": "gray8"}[image.mode], size=image.size)


def pictures_of(images: Any, format: Optional[str]) -> "list[Picture]":
    """None, one picture, or a list or tuple of them."""
    if images is None:
        return []
    if isinstance(images, (list, tuple)):
        return [Picture(image, format) for image in images]
    return [Picture(images, format)]
