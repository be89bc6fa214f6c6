# SPDX-License-Identifier: Apache-2.0
"""Every kind of picture that Python programs hold comes to the same answer and to the same logits as the file that it was read from."""
import array
import os
import unittest

import binocle
from binocle.pictures import Picture
from python_case import ANSWER, PHOTO, QUESTION, SIGN, PythonCase

try:
    import numpy
except ImportError:
    numpy = None
try:
    from PIL import Image
except ImportError:
    Image = None
needs_arrays = unittest.skipUnless(numpy and Image, "NumPy and Pillow are not there (toolchains/setup check installs them)")


class Kinds(PythonCase):
    def logits(self, image, format=None):
        with self.model.session() as session:
            session.ask(QUESTION, image, format=format, max_tokens=1).text()
            return session.logits().tobytes()

    def test_files(self):
        from pathlib import Path
        expected = self.logits(SIGN)
        self.assertEqual(expected, self.logits(Path(SIGN)))
        for kind in (bytes, bytearray, memoryview):
            self.assertEqual(expected, self.logits(kind(self.sign)))
        self.assertNotEqual(expected, self.logits(PHOTO))

    def test_several(self):
        self.assertEqual(self.logits([SIGN, PHOTO]), self.logits((self.sign, PHOTO)))
        self.assertNotEqual(self.logits([SIGN, PHOTO]), self.logits([PHOTO, SIGN]))

    def test_refused(self):
        flat = bytes(12)
        for image, format, kind in ((3, None, TypeError), (object(), None, TypeError), ("a\0b", None, ValueError), (SIGN, "bgr8", ValueError),
                                    (array.array("f", [0.5]), None, TypeError)):
            with self.assertRaises(kind, msg=repr(image)):
                self.model.ask(image, QUESTION, format=format)
        for arguments in ((flat, "rgb8"), (flat, "rgb"), (flat, None), (b"", "gray8")):
            with self.assertRaises(ValueError, msg=arguments[1:]):
                binocle.Pixels(*arguments)
        for arguments in (("rgb8", (2, 3)), ("rgb8", (0, 2)), ("i420", (3, 2)), ("gray8", (-3, -4))):
            with self.assertRaises(ValueError, msg=arguments):
                binocle.Pixels(flat, arguments[0], size=arguments[1])
        with self.assertRaises(ValueError):
            binocle.Pixels(flat, "rgb8", size=(2, 2), yuv="bt2020")
        for image, kind in (("absent.png", binocle.FileError), (b"no picture", binocle.FormatError), (b"", binocle.FormatError)):
            with self.assertRaises(kind):
                self.model.ask(image, QUESTION).text()

    def test_raw_bytes(self):
        pixels = bytes(range(256)) * 3
        rgb = self.logits(binocle.Pixels(pixels, "rgb8", size=(16, 16)))
        view = memoryview(pixels).cast("B", (16, 16, 3))
        self.assertEqual(rgb, self.logits(view))
        self.assertNotEqual(rgb, self.logits(view, "bgr8"))
        self.assertEqual(rgb, self.logits(binocle.Pixels(memoryview(bytes(2) .join(pixels[i:i + 1] for i in range(768)))[::3], "rgb8", size=(16, 16))))

    @needs_arrays
    def test_pil(self):
        with Image.open(SIGN) as image:
            expected = self.logits(SIGN)
            self.assertEqual(expected, self.logits(image))
            self.assertEqual(expected, self.logits(image.convert("RGBA")))
            gray = image.convert("L")
            self.assertEqual(self.logits(gray.convert("RGB")), self.logits(gray))
            palette = image.convert("P", palette=Image.Palette.ADAPTIVE)
            self.assertEqual(self.logits(palette.convert("RGB")), self.logits(palette))
        turned = os.path.join(os.path.dirname(PHOTO), "png_exif6.png")
        with Image.open(turned) as image:
            raw = Picture(image).pixels.raw
            self.assertEqual(image.size, (raw.height, raw.width))
            self.assertEqual(self.logits(turned), self.logits(image))

    @needs_arrays
    def test_arrays(self):
        with Image.open(SIGN) as image:
            rgb = numpy.asarray(image.convert("RGB"))
        expected = self.logits(SIGN)
        bgr = numpy.ascontiguousarray(rgb[:, :, ::-1])
        alpha = numpy.dstack([rgb, numpy.full(rgb.shape[:2], 7, numpy.uint8)])
        wide = numpy.zeros((rgb.shape[0], rgb.shape[1] + 5, 3), numpy.uint8)
        wide[:, 2:-3] = rgb
        tall = numpy.zeros((2 * rgb.shape[0], rgb.shape[1], 3), numpy.uint8)
        tall[::2] = rgb
        fortran = numpy.asfortranarray(rgb)
        planes = numpy.ascontiguousarray(rgb.transpose(2, 0, 1)).transpose(1, 2, 0)
        upside_down = numpy.ascontiguousarray(rgb[::-1])[::-1]
        for name, image, format in (("rgb", rgb, None), ("bgr", bgr, "bgr8"), ("bgr turned", bgr[:, :, ::-1], None),
                                    ("rgb turned", rgb[:, :, ::-1], "bgr8"), ("bgr turned twice", bgr[::-1, :, ::-1][::-1], "rgb8"),
                                    ("turned, upside down", numpy.ascontiguousarray(bgr[::-1])[::-1, :, ::-1], None),
                                    ("turned crop", numpy.ascontiguousarray(wide[:, :, ::-1])[:, 2:-3, ::-1], None), ("rgba", alpha, None),
                                    ("bgra", alpha[:, :, [2, 1, 0, 3]], "bgra8"), ("libcamera", bgr, "RGB888"), ("crop", wide[:, 2:-3], None),
                                    ("every other row", tall[::2], None), ("fortran", fortran, None), ("planes", planes, None),
                                    ("upside down", upside_down, "rgb8"), ("mapped", type("MappedArray", (), {"array": bgr})(), "RGB888"),
                                    ("tensor", type("Tensor", (), {"__array__": lambda self: rgb})(), None)):
            self.assertEqual(expected, self.logits(image, format), name)
        gray = rgb[:, :, 1]
        self.assertEqual(self.logits(numpy.dstack([gray] * 3)), self.logits(gray))
        self.assertEqual(self.logits(gray), self.logits(gray[:, :, None]))
        self.assertEqual(self.logits(numpy.dstack([rgb[:, :1, 1]] * 3)), self.logits(numpy.broadcast_to(rgb[:, :1, 1:2], (rgb.shape[0], 1, 3))))
        for bad, kind in ((rgb.astype(float), TypeError), (rgb > 3, TypeError), (rgb.astype("i1"), TypeError), (rgb[None], ValueError),
                          (rgb[:, :, :2], ValueError), (rgb[:0], ValueError), (numpy.array(3, numpy.uint8), ValueError)):
            with self.assertRaises(kind):
                self.model.ask(bad, QUESTION)

    @needs_arrays
    def test_arrays_of_ids(self):
        ids = self.model.tokenize("Which number")
        self.assertEqual(self.model.score(ids).tobytes(), self.model.score(numpy.array(ids)).tobytes())
        rows = numpy.asarray(self.model.score(ids, force=numpy.array([3, 5])))
        self.assertEqual((2, self.model.info.vocabulary, numpy.float32), (*rows.shape, rows.dtype))

    @needs_arrays
    def test_yuv(self):
        """The planes of one picture in each order, with and without padding, from a converter of this test's own."""
        with Image.open(SIGN) as image:
            image = image.convert("YCbCr")
            w, h = image.size[0] // 4 * 4, image.size[1] // 4 * 4
            y, u, v = (numpy.asarray(p)[:h, :w] for p in image.split())
        u, v = u[::2, ::2], v[::2, ::2]
        i420 = numpy.vstack([y, u.reshape(-1, w), v.reshape(-1, w)])
        nv12 = numpy.vstack([y, numpy.dstack([u, v]).reshape(-1, w)])
        nv21 = numpy.vstack([y, numpy.dstack([v, u]).reshape(-1, w)])
        pad = 8
        padded = numpy.vstack([numpy.pad(y, ((0, 0), (0, pad))), *(numpy.pad(p, ((0, 0), (0, pad // 2))).reshape(-1, w + pad) for p in (u, v))])
        full = {"yuv": "bt601_full"}
        expected = self.logits(binocle.Pixels(i420, "i420", **full))
        request = type("CompletedRequest", (), {"config": {"main": {"format": "YUV420", "size": (w, h)}}, "make_array": lambda self, name: padded})()
        for name, pixels in (("nv12", binocle.Pixels(nv12, "NV12", **full)), ("nv21", binocle.Pixels(nv21, "nv21", **full)),
                             ("flat", binocle.Pixels(i420.tobytes(), "i420", size=(w, h), **full)),
                             ("padded", binocle.Pixels(padded, "YUV420", size=(w, h), **full)),
                             ("copied", binocle.Pixels(padded, "YUV420", size=(w, h), **full).copy())):
            self.assertEqual(expected, self.logits(pixels), name)
        self.assertEqual(self.logits(binocle.Pixels(i420, "i420")), self.logits(request))
        self.assertEqual(ANSWER, self.model.ask(binocle.Pixels(i420, "i420", **full), QUESTION).text())

    @needs_arrays
    def test_memory_may_change(self):
        """A camera's buffer is another picture by the time that the answer is read."""
        with Image.open(SIGN) as image:
            frame = numpy.array(image.convert("RGB"))
        whole = numpy.zeros((frame.shape[0], frame.shape[1] + 1, 3), numpy.uint8)
        whole[:, 1:] = frame
        answers = [self.model.ask(frame, QUESTION), self.model.ask(whole[:, 1:], QUESTION)]
        frame[:], whole[:] = 0, 0
        self.assertEqual([ANSWER] * 2, [answer.text() for answer in answers])


if __name__ == "__main__":
    unittest.main()
