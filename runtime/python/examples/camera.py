#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A camera loop: asks one question about what the camera sees now, again and again, and tells seconds and joules of each answer.

    camera.py MODEL SOURCE [QUESTION]
    SOURCE  picamera2               a Raspberry Pi's camera
            0, 1 ...                a camera that OpenCV opens (python3-opencv)
            street.mp4              a video: a frame a second of it
            folder                  its pictures, in the order of their names
"""
import os
import sys
import threading
import time

import binocle


def folder_frames(path):
    for name in sorted(os.listdir(path)):
        if name.lower().endswith((".webp", ".jpg", ".jpeg", ".png")):
            yield os.path.join(path, name), None


def video_frames(path):
    import cv2
    video = cv2.VideoCapture(path)
    step = max(1, round(video.get(cv2.CAP_PROP_FPS)))
    while True:
        for _ in range(step - 1):
            video.grab()
        there, frame = video.read()
        if not there:
            return
        yield frame, "bgr8"


def newest_frames(capture, format):
    """While an answer is computed the camera goes on; what is asked about next is what it sees then, not what it saw long ago."""
    newest, there = [], threading.Condition()

    def watch():
        while True:
            frame = capture()
            with there:
                newest[:] = [frame]
                there.notify()
            if frame is None:
                return
    threading.Thread(target=watch, daemon=True).start()
    while True:
        with there:
            while not newest:
                there.wait()
            frame = newest.pop()
        if frame is None:
            return
        yield frame, format


def frames_of(source):
    if source == "picamera2":
        from picamera2 import Picamera2
        camera = Picamera2()
        camera.configure(camera.create_still_configuration({"format": "RGB888"}))
        camera.start()
        return newest_frames(lambda: camera.capture_array("main"), "RGB888")
    if source.isdigit():
        import cv2
        camera = cv2.VideoCapture(int(source))
        return newest_frames(lambda: camera.read()[1], "bgr8")
    return folder_frames(source) if os.path.isdir(source) else video_frames(source)


def main(path, source, question="What is on the sign?"):
    with binocle.Model(path) as model, binocle.EnergyMeter() as meter:
        for frame, format in frames_of(source):
            start, joules = time.monotonic(), meter.joules
            if isinstance(frame, str):
                print(os.path.basename(frame), end=": ")
            for piece in model.ask(frame, question, format=format, max_tokens=64):
                print(piece, end="", flush=True)
            cost = "" if joules is None else f", {meter.joules - joules:.1f} J"
            print(f"   ({time.monotonic() - start:.2f} s{cost})", flush=True)


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except KeyboardInterrupt:
        pass
    except (binocle.BinocleError, ImportError) as error:
        sys.exit(f"camera.py: {error}")
